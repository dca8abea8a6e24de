"""`Experiment`: a checked experiment file, and the objects it describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hwlearn.arrays import Array
from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.imperfect.circuit import ImperfectCircuit
from hwlearn.errors import (
    ExperimentError,
    HwlearnError,
    LibraryNotFoundError,
    MeasurementError,
    NetlistError,
    StationError,
)
from hwlearn.experiments.messages import in_a_line
from hwlearn.experiments.names import Code
from hwlearn.experiments.settings import Settings
from hwlearn.files import given_from
from hwlearn.learning.optimizers import DECAY
from hwlearn.learning.remedies import LowPower
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.builders import BUILDERS
from hwlearn.network.devices import DEVICES
from hwlearn.network.initial import Initial


@dataclass(frozen=True)
class Experiment:
    """A checked experiment file, made by `load_experiment`. Network, task and rule are made when first asked for, and kept; a
    circuit is new each time.

    Attributes:
        settings: the file's content, overrides included.
        path: the experiment file. source: all of it, as it was read.
        trust: whether its netlist may run commands and include files from elsewhere. trust_code: see `load_experiment`.
        overrides: what replaced keys of the file.
        notes: what was dropped from the file because of the overrides.
        copies: by absolute path, what is read instead of files; None for the files themselves.
        sources: by absolute path, what the files that were read so far held.

    Raises:
        ExperimentError: names the file; what it describes does not fit together.
        NetlistError: names the netlist and the line.
    """

    settings: Settings
    path: Path
    source: bytes
    trust: bool
    overrides: Mapping[str, Any]
    notes: tuple[str, ...]
    trust_code: bool = False
    copies: Mapping[str, bytes] | None = field(default=None, repr=False, compare=False)
    sources: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Experiment {self.path}: {self.settings.rule.name} on {self.settings.backend.name}>"

    @cached_property
    def network(self) -> Network:
        """The network as the file describes it, untrained."""
        table, ports = self.settings.circuit, self.settings.ports
        options: dict[str, Any] = {"trainable": table.trainable}
        if table.bounds is not None:
            options["bounds"] = (table.bounds[0], table.bounds[1])
        if ports.inputs is not None:
            options["inputs"] = ports.inputs
        if ports.outputs is not None:
            options["outputs"] = ports.outputs
        with self.named():
            if table.netlist is not None:
                if table.gate_bounds is not None:
                    options["gate_bounds"] = (table.gate_bounds[0], table.gate_bounds[1])
                options |= {name: value for name in ("control", "dialect") if (value := getattr(table, name)) is not None}
                laws = [self._code.member(DEVICES, name) for name in table.devices or ()]
                network = Network.from_netlist(self._beside(table.netlist), devices=laws, trust=self.trust, **options)
            else:
                network = BUILDERS[str(table.builder)](**table.builder_arguments(), **options)
            if table.initial is not None:
                network = Initial(**table.initial.model_dump())(network)
            if self.settings.memristors is not None:
                network = self.settings.memristors.on(network, self._code)
            if not network.outputs:
                raise ExperimentError("[ports] outputs is missing: name the nodes that are read")
            return network

    @property
    def task(self) -> Task:
        """The training samples, checked against the network's ports."""
        return self._samples[0]

    @property
    def test(self) -> Task | None:
        """The samples that are only scored."""
        return self._samples[1]

    @cached_property
    def _samples(self) -> tuple[Task, Task | None]:
        ports, network = self.settings.ports, self.network
        with self.named():
            names = (ports.inputs or network.input_names, ports.outputs or network.output_names)
            return self.settings.task.samples(network, self._beside, names)

    @cached_property
    def rule(self) -> Rule:
        """The learning rule, remedies included."""
        loss = self.settings.loss
        with self.named():
            rule = self.settings.rule.rule(self._code, None if loss is None else loss.loss(self._code))
            return rule if loss is None or loss.power is None else LowPower(rule, loss.power)

    @property
    def remedies(self) -> dict[str, float]:
        """What was switched on against imperfect hardware, by the names of the file; `symmetric` and the bench's own aside."""
        rule, train = self.settings.rule, self.settings.train
        given: dict[str, float | None] = {"push": rule.push, "rest": rule.rest, "threshold": rule.threshold}
        if train is not None:
            given |= {"momentum": DECAY if train.optimizer == "momentum" else None, "identify_every": train.identify_every}
        return {name: value for name, value in given.items() if value is not None}

    def read_files(self, known: dict[str, Any]) -> None:
        """Read netlist, CSV files and station now: this experiment can then go to a machine without these files.

        Args:
            known: networks made here before; experiments with the same netlist and ports share one.
        """
        if self.settings.circuit.netlist is not None:
            key = f"{self.settings.circuit!r} {self.settings.ports!r}"
            if key in known:
                vars(self)["network"], read = known[key]
                self.sources.update(read)
            else:
                before = set(self.sources)
                network = self.network
                known[key] = network, {path: content for path, content in self.sources.items() if path not in before}
        if self.settings.task.data is not None:
            self.task  # noqa: B018
        if (backend := self.backend()).hardware:
            with self.named():
                backend.fingerprint(self.network, self.path.parent)

    def backend(self, name: str | None = None) -> Backend:
        """What makes the circuits: the backend of a name, the file's own if not given, with its keys in the file.

        Raises:
            ExperimentError: a key that it needs is missing.
        """
        with self.named():
            try:
                return self.settings.backend.backend(self._code, name)
            except ValidationError as error:
                raise ExperimentError(in_a_line(error, "backend")) from None

    def circuit(self, backend: str | None = None, *, verify: bool = True, imperfect: bool = True) -> Circuit:
        """A new circuit, at the network's conductances.

        Args:
            backend: by name; the file's own if not given.
            verify: whether a bench checks itself against a model first.
            imperfect: whether it has the imperfections of the file, and memristors that move.

        Raises:
            StationError, InstrumentError: the bench does not fit, or does not answer.
        """
        table = self.settings.imperfect
        with self.named():
            effects = table.effects(self._code) if table is not None and imperfect else []
            made = self.backend(backend).circuit(self.network, self.path.parent, verify=verify)
            if self.settings.memristors is not None and imperfect:
                made = self.settings.memristors.around(made)
            return ImperfectCircuit(made, *effects, seed=table.seed) if table is not None and effects else made

    def there(self, conductances: Array | None = None) -> Network:
        """What truly is there: the network as the imperfections of the file leave it, by the exact model.

        Args:
            conductances: (E,) S that were asked for; those before training if not given.
        """
        with self.circuit("exact") as circuit:
            if conductances is not None:
                circuit.program(conductances)
            return circuit.there if isinstance(circuit, ImperfectCircuit) else self.network

    @property
    def _code(self) -> Code:
        return Code(self.trust_code, self.path.parent)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors raised inside name the experiment file, unless they are about a netlist, a station or a measurement."""
        try:
            with given_from(self.copies, self.sources):
                yield
        except (NetlistError, LibraryNotFoundError, MeasurementError, StationError):
            raise
        except HwlearnError as error:
            if isinstance(error, ExperimentError) and str(error).startswith(f"{self.path}: "):
                raise
            raise ExperimentError(f"{self.path}: {error}") from error

    def _beside(self, name: str) -> Path:
        return self.path.parent / name
