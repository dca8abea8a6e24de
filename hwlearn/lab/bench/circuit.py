"""`BenchCircuit`: a network on the lab bench."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Outputs
from hwlearn.circuits.ledger import Ledger
from hwlearn.circuits.measurement import Measurement
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.attempts import accepted_phase
from hwlearn.lab.bench.checks import Check, checks_of
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.currents import InputCurrents
from hwlearn.lab.bench.devices import Devices
from hwlearn.lab.bench.measurement import BenchMeasurement
from hwlearn.lab.bench.phase import Asked, Phase
from hwlearn.lab.bench.phases import Phases
from hwlearn.lab.bench.plan import Plan
from hwlearn.lab.bench.reads import Reads
from hwlearn.lab.station import Station, load_station
from hwlearn.lab.station.settable import check_settable
from hwlearn.network import Network


class BenchCircuit(Circuit):
    """A network of resistor boxes, driven, nudged and scanned by the instruments of a station.

    Conductances are those of the code tables: `program` takes the nearest code of each edge and returns what it realises. Node
    voltages are read against ground or another node, inputs included; the outputs are differences of such readings. What is
    not read is estimated from the code tables, and a rule whose direction this makes uncertain is refused. Currents of outputs
    and inputs are readings of source meters and shunts; those of other inputs follow from Kirchhoff's law and the code tables.

    Connecting changes no output, and tells what was left on. The first `program` or `measure` switches every source off, and
    only then writes codes. Every way out but SIGKILL leaves the station safe, in its stated order; after an error the circuit
    is safe at once and closed.

    A phase in which a connection failed is made again, from the ranges and codes up. No phase is used that one of the checks
    in `hwlearn.lab.bench.checks` refuses.

    Attributes:
        read_nodes: indices of the nodes that are read. estimated_nodes: of those whose voltage is estimated.
        channels: what a scan reads: a channel, as in "daq:101", for each of `read_nodes`, then those behind resistors,
            then those of shunts.

    Args:
        network: what is wired up.
        station: the station, or its file.
        verify: refuse what the readings contradict. Without it for callers who look for faults, and want to see them.
        trust: let a station file name drivers that are code, as "module:Class".

    Raises:
        ModelError: the network has edges that are neither resistors nor transistors with gates.
        StationError: the station does not fit the network.
        InstrumentError: an instrument is missing or is not the one that the station names.
    """

    name = "bench"
    pulls = True

    def __init__(
        self, network: Network, station: Station | str | PathLike[str], *, verify: bool = True, trust: bool = False
    ) -> None:
        super().__init__(network)
        check_settable(network)
        self.station = station if isinstance(station, Station) else load_station(station, trust)
        self.station.validate(network)
        self._devices = Devices(network, self.station)
        self._conductances = self._devices.conductances
        self._signs = network.port_incidence.toarray()
        self._input_currents = InputCurrents(network)
        self.connection = Connection(self.station, network)
        try:
            self._plan = Plan(network, self.station, self.connection, self._devices)
            self._phases = Phases(self._plan)
            self._checks = checks_of(self._phases, verify=verify)
        except BaseException:
            self.connection.close()
            raise
        self.read_nodes, self.channels = self._plan.read_nodes, self._plan.scan.places[: self._plan.sensed.start]
        self.estimated_nodes = self._plan.estimates.nodes

    def place(self, node: int) -> str:
        """A read node by its channel and name, as in "daq:101 (n12)"."""
        return self._plan.place(node)

    @property
    def reads(self) -> Reads:
        """What readings of `channels` say of the nodes."""
        return self._plan.reads

    @property
    def shunts(self) -> list[tuple[int, int, float]]:
        """(index of the input, index in `channels`, Ω) of each."""
        return self._plan.shunts

    @property
    def noise(self) -> float:
        """Standard deviation of one reading, from the repeats of the last phase [V]; NaN before."""
        return self._phases.noise

    @property
    def repeats(self) -> int:
        """Readings per channel and sample that the next phase averages."""
        return self._phases.repeats.number

    @property
    def probe_volts(self) -> float:
        """A voltage that every limit allows at an input [V]."""
        return 0.5 * self.station.settings.limits.v_node_max

    @property
    def external_supplies(self) -> tuple[str, ...]:
        """Names of the sources that are on and that the station cannot switch to zero."""
        given = self.station.settings.source
        return tuple(s.name for s in self.network.fixed_sources if given[s.name].drive == "external" and s.value)

    @property
    def codes(self) -> NDArray[np.intp]:
        """(E,) code of each edge, a copy; −1 at fixed resistors and transistors."""
        return self._devices.codes.copy()

    @property
    def writes(self) -> NDArray[np.intp]:
        """(E,) how often each edge's code was changed, for devices that wear; a copy."""
        return self._devices.writes.copy()

    def celsius(self) -> dict[str, float]:
        return dict(self._plan.temperatures.celsius)

    @property
    def ledger(self) -> Ledger:
        account, names = self._phases.account, self.network.edge_names
        writes = {name: count for name, count in zip(names, self.writes.tolist(), strict=True) if name in self.station.tables}
        worn = {name: writes[name] / most for name, most in self.station.endurance().items() if name in writes}
        return account.ledger(writes, worn)

    def provenance(self) -> dict[str, Any]:
        return {
            "backend": self.name,
            "station": self.station.settings.name,
            "wiring": self.station.wiring_hash(self.network),
            "noise": self.noise if math.isfinite(self.noise) else None,
            "codes": self.codes.tolist(),
            "writes": self.writes.tolist(),
            "celsius": self.celsius(),
            "estimated": [self.network.nodes[k] for k in self.estimated_nodes],
            "instruments": {
                name: {**instrument.report(), "found": list(map(str, self.connection.found[name]))}
                for name, instrument in self.connection.instruments.items()
            },
        }

    def snapshot(self) -> dict[str, Array]:
        return {**self._devices.snapshot(), **self._phases.account.snapshot()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        self._devices.restore(snapshot)
        self._phases.account.restore(snapshot)

    @contextmanager
    def reading(self, settle: float, repeats: int) -> Iterator[None]:
        """Inside, wait `settle` [s] after each change and average `repeats` readings, whatever the station file says."""
        with self._phases.reading(settle, repeats):
            yield

    @contextmanager
    def waiting_at_channels(self, seconds: float) -> Iterator[None]:
        """Inside, scanners wait so long [s] at each channel before they read it; for a bench that has made a phase."""
        for delay in (seconds, None):
            with self._safe_on_error():
                self._plan.scan.configure(delay)
            if delay is not None:
                yield

    def read_at_rest(self, count: int) -> Array:
        """(count, channels) V: single readings of `channels` with every source at zero, as they are, less the known offsets.

        Sources that the station calls external stay as they are.
        """
        self._check_open()
        with self._safe_on_error():
            return self._phases.at_rest(count)

    def verdict(self, drive: Drive, check: type[Check]) -> InstrumentError | None:
        """What a check says of a phase, which is made for it and not refused; None if it accepts it."""
        self._check_open()
        inputs, imposed = drive.fitted(self.network)
        phase = self._phase(Asked(inputs, drive.outputs, imposed))
        try:
            check(self._phases).after(phase)
        except InstrumentError as error:
            return error
        return None

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: the outermost codes within the network's bounds."""
        return self._devices.bounds

    def _program(self, conductances: Array) -> Array:
        self._devices.choose(conductances)
        with self._safe_on_error(), self._phases.account.programmed(lambda: self._devices.conductances):
            self._devices.write()
        return self._devices.conductances  # of the gate voltages that sources say they make

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        phase = self._phase(Asked(inputs, outputs, imposed))
        return BenchMeasurement(
            self.network,
            self._conductances,
            phase.voltages,
            phase.voltages @ self._signs.T,
            phase.currents,
            np.where(np.isnan(phase.fed), self.by_kirchhoff(phase), phase.fed),
            phase.mean_noise,
            f"bench {self.station.settings.name}",
            self._phases.repeats,
            self._plan.estimates,
        )

    def by_kirchhoff(self, phase: Phase) -> Array:
        """(S, n_in) A out of the inputs, from node voltages and code tables."""
        return self._input_currents(self._conductances, phase.asked.inputs, phase.voltages, phase.currents)

    def _phase(self, asked: Asked) -> Phase:
        """A phase that the checks of this bench accept."""
        for check in self._checks:
            check.before(asked)
        with self._safe_on_error():
            return accepted_phase(self._phases, asked, self._checks)

    @contextmanager
    def _safe_on_error(self) -> Iterator[None]:
        """Whatever goes wrong inside leaves the station safe at once, and the circuit closed."""
        try:
            yield
        except BaseException as error:
            try:
                self.close()
            except InstrumentError as unsafe:
                error.add_note(str(unsafe))
                if isinstance(error, InstrumentError):
                    raise InstrumentError(f"{error}; {unsafe}") from error
            raise

    def _close(self) -> None:
        self.connection.close()
        self._phases.account.rests()
