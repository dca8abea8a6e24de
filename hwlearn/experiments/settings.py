"""`Settings`: the tables and keys of an experiment file."""

from __future__ import annotations

from inspect import Parameter, isclass, signature
from typing import Annotated, Any, Literal, Self, get_args, get_type_hints

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.imperfect.effect import IMPERFECTIONS
from hwlearn.errors import HwlearnError
from hwlearn.experiments.members import BackendTable, ImperfectTable, LossTable, parameters
from hwlearn.experiments.names import OneOf
from hwlearn.experiments.outcome import LARGEST, LEAST
from hwlearn.experiments.rule import RuleTable
from hwlearn.learning.keeping import Keep
from hwlearn.learning.losses import LOSSES
from hwlearn.learning.optimizers import OPTIMIZERS
from hwlearn.learning.rules import RULES
from hwlearn.network.builders import BUILDERS
from hwlearn.network.devices import DEVICES
from hwlearn.registry import Registry
from hwlearn.spice.dialects import Dialect
from hwlearn.toml import Table


def _rows(value: object) -> object:
    """One sample may come without its outer brackets."""
    return [value] if isinstance(value, list) and value and not any(isinstance(item, list) for item in value) else value


Rows = Annotated[list[list[float]], BeforeValidator(_rows), Field(min_length=1)]
Conductance = Annotated[float, Field(ge=LEAST, le=LARGEST)]
Names = Annotated[list[str], Field(min_length=1)]


class CircuitTable(Table):
    """`[circuit]`: a netlist, or a builder and its arguments.

    Attributes:
        netlist: file, relative to the experiment file.
        builder: a name of `BUILDERS`; `rows` … `seed` are its arguments.
        conductances: initial values of a builder's edges [S], one for all or (E,).
        trainable: patterns of element names; everything if not given.
        bounds: lower and upper conductance [S].
        devices: laws that a netlist's cards may follow, before all installed ones: names, or "module:Class".
        gate_bounds: lower and upper gate voltage [V] of a netlist's edges that have a gate.
        dialect: of a netlist, "ps", "lt", "hs" or "ki" (PSpice, LTspice, HSPICE, KiCad); ngspice's own if not given.
        control: what becomes of a netlist's `.control` blocks, "refuse" or "ignore"; no file can let them run.
    """

    netlist: str | None = None
    builder: Annotated[str, OneOf(BUILDERS)] | None = None
    rows: PositiveInt | None = None
    columns: PositiveInt | None = None
    sizes: list[PositiveInt] | None = None
    degree: PositiveInt | None = None
    nodes: PositiveInt | None = None
    rails: list[float] | None = None
    seed: NonNegativeInt | None = None
    conductances: Conductance | list[Conductance] | None = None
    trainable: Names | None = None
    bounds: Annotated[list[Conductance], Field(min_length=2, max_length=2)] | None = None
    devices: list[Annotated[str, OneOf(DEVICES)]] | None = None
    gate_bounds: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    control: Literal["ignore", "refuse"] | None = None
    dialect: Dialect | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.netlist is None) == (self.builder is None):
            raise ValueError("give either netlist or builder")
        given = set(self.model_fields_set) - {"netlist", "builder", "trainable", "bounds"}
        if self.builder is None:
            given -= {"gate_bounds", "devices", "control", "dialect"}
            if given:
                raise ValueError(f"{', '.join(sorted(given))}: for a builder only; a netlist brings its own")
            return self
        parameters = signature(BUILDERS[self.builder]).parameters
        arguments = {name: p for name, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD}
        foreign = sorted(given - set(arguments))
        missing = [name for name, p in arguments.items() if p.default is Parameter.empty and name not in given]
        if foreign:
            raise ValueError(f"{', '.join(foreign)}: the {self.builder} builder takes {', '.join(arguments)}")
        if missing:
            raise ValueError(f"the {self.builder} builder needs {', '.join(missing)}")
        return self

    def builder_arguments(self) -> dict[str, Any]:
        """The builder's arguments that the file gives."""
        return self.model_dump(exclude_none=True, exclude={"netlist", "builder", "trainable", "bounds"})


class PortsTable(Table):
    """`[ports]`: sources or nodes that are driven, nodes or differences "T,W" that are read; a builder has defaults."""

    inputs: Names | None = None
    outputs: Names | None = None


class TaskTable(Table):
    """`[task]`: samples in the file, or in a CSV file beside it.

    Attributes:
        inputs, targets: (S, n_in) V (A for current inputs) and (S, n_out) V.
        data: CSV file with a header line, relative to the experiment file.
        input_columns, target_columns: its columns; the names of the ports if not given.
    """

    inputs: Rows | None = None
    targets: Rows | None = None
    data: str | None = None
    input_columns: list[str] | None = None
    target_columns: list[str] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        inline = {"inputs", "targets"} & self.model_fields_set
        columns = {"input_columns", "target_columns"} & self.model_fields_set
        if self.data is None:
            if columns:
                raise ValueError(f"{', '.join(sorted(columns))}: for a CSV file only; give data as well")
            if len(inline) < 2:
                raise ValueError("give inputs and targets, or data")
        elif inline:
            raise ValueError(f"{', '.join(sorted(inline))}: give either data or inputs and targets")
        return self


class TrainTable(Table):
    """`[train]`: the arguments of `hwlearn.learning.train.train`.

    Attributes:
        parameter: "conductance", "log-conductance", or what the trained edges are set by, such as "gate-voltage".
        keep: which state the circuit is left in, "best" or "last"; on a noisy circuit the best if not given.
        identify_every: updates from one measurement of what the edges conduct to the next; see
            `hwlearn.analysis.identified.IdentifiedCircuit`. Not at all if not given.
    """

    steps: NonNegativeInt = 1000
    learning_rate: PositiveFloat
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "plain"
    parameter: str = "conductance"
    batch_size: PositiveInt | None = None
    stop_loss: PositiveFloat | None = None
    keep: Keep | None = None
    seed: NonNegativeInt = 0
    identify_every: PositiveInt | None = None


class FlowTable(Table):
    """`[flow]`: the arguments of `hwlearn.learning.flow.flow`."""

    t_end: PositiveFloat
    method: Literal["LSODA", "RK45", "RK23", "DOP853", "Radau", "BDF"] = "LSODA"
    rtol: PositiveFloat = 1e-8
    stop_loss: PositiveFloat | None = None


class Settings(Table):
    """A whole experiment file."""

    circuit: CircuitTable
    ports: PortsTable = PortsTable()
    task: TaskTable
    rule: RuleTable
    loss: LossTable | None = None
    train: TrainTable | None = None
    flow: FlowTable | None = None
    backend: BackendTable = Field(default_factory=BackendTable)
    imperfect: ImperfectTable | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.train is None) == (self.flow is None):
            raise ValueError("give exactly one of [train] (discrete time) and [flow] (continuous time)")
        if self.circuit.netlist is not None and self.ports.outputs is None:
            raise ValueError("[ports] outputs is missing: name the nodes of the netlist that are read")
        return self


TABLES: dict[str, type[Table]] = {
    name: next(kind for kind in (field.annotation, *get_args(field.annotation)) if isclass(kind) and issubclass(kind, Table))
    for name, field in Settings.model_fields.items()
}
"""The tables by name."""


MEMBERS: dict[str, Registry[Any]] = {"rule": RULES, "loss": LOSSES, "backend": BACKENDS, "imperfect": IMPERFECTIONS}
"""Registries whose members have keys in a table, by its name."""


def keys_of(table: str) -> tuple[str, ...]:
    """The keys of a table, those of installed members included."""
    return tuple(dict.fromkeys([*TABLES[table].model_fields, *_keys_of_members(table)]))


def kind_of(table: str, key: str) -> Any:
    """The annotation of a key; float for arguments that have none."""
    if key in TABLES[table].model_fields:
        return TABLES[table].model_fields[key].annotation
    return _keys_of_members(table).get(key, float)


def _keys_of_members(table: str) -> dict[str, Any]:
    """Annotations of the keys that installed members of a registry have in a table, by key."""
    found: dict[str, Any] = {}
    for name in MEMBERS.get(table, ()):
        try:
            member = MEMBERS[table].get(name)
        except HwlearnError:  # a broken one of another package: its keys are unknown until it is mended
            continue
        if issubclass(member, Table):
            found |= {key: field.annotation for key, field in member.model_fields.items()}
            continue
        hints = get_type_hints(member.__init__)
        found |= {f"{name}.{key}" if table == "imperfect" else key: hints.get(key, float) for key in parameters(member)}
    return found
