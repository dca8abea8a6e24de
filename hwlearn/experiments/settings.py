"""`Settings`: the tables and keys of an experiment file."""

from __future__ import annotations

from inspect import Parameter, isclass, signature
from typing import Annotated, Any, Literal, Self, get_args, get_type_hints

from pydantic import (
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
from hwlearn.experiments.memristors import MemristorsTable
from hwlearn.experiments.names import OneOf
from hwlearn.experiments.outcome import LARGEST, LEAST
from hwlearn.experiments.rule import RuleTable
from hwlearn.experiments.task import TaskTable
from hwlearn.experiments.training import Schedule, TrainTable
from hwlearn.learning.losses import LOSSES
from hwlearn.learning.rules import RULES
from hwlearn.network.builders import BUILDERS
from hwlearn.network.devices import DEVICES
from hwlearn.network.initial import Distribution
from hwlearn.registry import Registry
from hwlearn.spice.dialects import Dialect
from hwlearn.toml import Table

Conductance = Annotated[float, Field(ge=LEAST, le=LARGEST)]
Names = Annotated[list[str], Field(min_length=1)]


FOR_ALL = {"netlist", "builder", "trainable", "bounds", "initial"}
"""Keys of [circuit] that are no argument of a builder."""


class InitialTable(Table):
    """Conductances at random: see `hwlearn.network.initial.Initial`."""

    distribution: Distribution
    low: PositiveFloat
    high: PositiveFloat
    seed: NonNegativeInt = 0
    edges: Names | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low = {self.low} is above high = {self.high}")
        return self


class CircuitTable(Table):
    """`[circuit]`: a netlist, or a builder and its arguments.

    Attributes:
        netlist: file, relative to the experiment file.
        builder: a name of `BUILDERS`; `rows` … `seed` are its arguments.
        conductances: initial values of a builder's edges [S], one for all or (E,).
        trainable: patterns of element names; everything if not given.
        bounds: lower and upper conductance [S].
        initial: conductances of the trainable edges at random, in place of those of the netlist or the builder: see
            `hwlearn.network.initial.Initial`; seed is 0 if not given.
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
    initial: InitialTable | None = None
    devices: list[Annotated[str, OneOf(DEVICES)]] | None = None
    gate_bounds: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    control: Literal["ignore", "refuse"] | None = None
    dialect: Dialect | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.netlist is None) == (self.builder is None):
            raise ValueError("give either netlist or builder")
        given = set(self.model_fields_set) - FOR_ALL
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
        return self.model_dump(exclude_none=True, exclude=FOR_ALL)


class PortsTable(Table):
    """`[ports]`: sources or nodes that are driven, nodes or differences "T,W" that are read; a builder has defaults."""

    inputs: Names | None = None
    outputs: Names | None = None


class FlowTable(Schedule):
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
    memristors: MemristorsTable | None = None
    imperfect: ImperfectTable | None = None

    @property
    def schedule(self) -> Schedule:
        """`[train]` or `[flow]`."""
        found = self.flow if self.train is None else self.train
        assert found is not None
        return found

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.train is None) == (self.flow is None):
            raise ValueError("give exactly one of [train] (discrete time) and [flow] (continuous time)")
        if self.flow is not None and self.memristors is not None:
            self.memristors.check_flow()
        if self.circuit.netlist is not None and self.ports.outputs is None:
            raise ValueError("[ports] outputs is missing: name the nodes of the netlist that are read")
        return self


def _table(annotation: Any) -> type[Table] | None:
    """The table that an annotation stands for."""
    return next((kind for kind in (annotation, *get_args(annotation)) if isclass(kind) and issubclass(kind, Table)), None)


TABLES: dict[str, type[Table]] = {
    name: kind for name, field in Settings.model_fields.items() if (kind := _table(field.annotation)) is not None
}
"""The tables by name."""


def table_in(table: str, key: str) -> type[Table] | None:
    """The table that a key of a table holds, such as `encoding` of [task]; None where it holds none."""
    field = TABLES[table].model_fields.get(key) if table in TABLES else None
    return None if field is None else _table(field.annotation)


MEMBERS: dict[str, Registry[Any]] = {"rule": RULES, "loss": LOSSES, "backend": BACKENDS, "imperfect": IMPERFECTIONS}
"""Registries whose members have keys in a table, by its name."""


def keys_of(table: str) -> tuple[str, ...]:
    """The keys of a table, those of tables in it and of installed members included."""
    return tuple(dict.fromkeys([*TABLES[table].model_fields, *_keys_of_inner(table), *_keys_of_members(table)]))


def kind_of(table: str, key: str) -> Any:
    """The annotation of a key; float for arguments that have none."""
    if key in TABLES[table].model_fields:
        return TABLES[table].model_fields[key].annotation
    return {**_keys_of_inner(table), **_keys_of_members(table)}.get(key, float)


def _keys_of_inner(table: str) -> dict[str, Any]:
    """Annotations of the keys of tables in a table, such as "encoding.twins"."""
    inner = {key: kind for key in TABLES[table].model_fields if (kind := table_in(table, key)) is not None}
    return {f"{key}.{name}": field.annotation for key, kind in inner.items() for name, field in kind.model_fields.items()}


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
