"""`Settings`: the tables and keys of an experiment file."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from hwlearn.experiments.outcome import LARGEST, LEAST
from hwlearn.network.builders import BUILDERS
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
        gate_bounds: lower and upper gate voltage of a netlist's transistors [V].
    """

    netlist: str | None = None
    builder: Literal["grid", "kite", "wheatstone", "layered", "random_regular", "delaunay", "gate_pair"] | None = None
    rows: PositiveInt | None = None
    columns: PositiveInt | None = None
    sizes: list[PositiveInt] | None = None
    degree: PositiveInt | None = None
    nodes: PositiveInt | None = None
    seed: NonNegativeInt | None = None
    conductances: Conductance | list[Conductance] | None = None
    trainable: Names | None = None
    bounds: Annotated[list[Conductance], Field(min_length=2, max_length=2)] | None = None
    gate_bounds: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.netlist is None) == (self.builder is None):
            raise ValueError("give either netlist or builder")
        given = set(self.model_fields_set) - {"netlist", "builder", "trainable", "bounds"}
        if self.builder is None:
            given -= {"gate_bounds"}
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


class RuleTable(Table):
    """`[rule]`: see `hwlearn.learning.rule.Rule`; `nudge` is in the rule's own unit and may be left out.

    Attributes:
        push, rest: V, overclamping: see `hwlearn.learning.remedies.Overclamped`. Both or neither.
        threshold: see `hwlearn.learning.remedies.Thresholded`.
    """

    name: Literal["ep", "cl", "al", "clamp", "dual-cl"]
    nudge: float | None = None
    symmetric: bool = False
    push: NonNegativeFloat | None = None
    rest: NonNegativeFloat | None = None
    threshold: NonNegativeFloat | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.nudge == 0:
            raise ValueError("nudge is 0; there would be no contrast")
        if self.name == "clamp" and {"nudge", "symmetric"} & self.model_fields_set:
            raise ValueError("clamp has no nudge and no second side; leave nudge and symmetric out, or take cl")
        if (self.push is None) != (self.rest is None):
            raise ValueError("give push and rest together, in volts")
        return self


class TrainTable(Table):
    """`[train]`: the arguments of `hwlearn.learning.train.train`.

    Attributes:
        identify_every: updates from one measurement of what the edges conduct to the next; see
            `hwlearn.analysis.identified.IdentifiedCircuit`. Not at all if not given.
    """

    steps: NonNegativeInt = 1000
    learning_rate: PositiveFloat
    optimizer: Literal["plain", "momentum", "adam"] = "plain"
    parameter: Literal["conductance", "log-conductance", "gate-voltage"] = "conductance"
    batch_size: PositiveInt | None = None
    stop_loss: PositiveFloat | None = None
    seed: NonNegativeInt = 0
    identify_every: PositiveInt | None = None


class FlowTable(Table):
    """`[flow]`: the arguments of `hwlearn.learning.flow.flow`."""

    t_end: PositiveFloat
    method: Literal["LSODA", "RK45", "RK23", "DOP853", "Radau", "BDF"] = "LSODA"
    rtol: PositiveFloat = 1e-8
    stop_loss: PositiveFloat | None = None


class BackendTable(Table):
    """`[backend]`: what plays the circuit.

    Attributes:
        station: for the bench, a station file relative to the experiment file.
        processes: of ngspice, that share the samples of a phase; if not given, as many as were measured to pay.
    """

    name: Literal["exact", "ngspice", "bench"] = "exact"
    station: str | None = None
    processes: PositiveInt | None = None

    @model_validator(mode="after")
    def _has_station(self) -> Self:
        if self.name == "bench" and self.station is None:
            raise ValueError("the bench needs a station file: give station (--station FILE)")
        return self


class Settings(Table):
    """A whole experiment file."""

    circuit: CircuitTable
    ports: PortsTable = PortsTable()
    task: TaskTable
    rule: RuleTable
    train: TrainTable | None = None
    flow: FlowTable | None = None
    backend: BackendTable = BackendTable()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.train is None) == (self.flow is None):
            raise ValueError("give exactly one of [train] (discrete time) and [flow] (continuous time)")
        if self.circuit.netlist is not None and self.ports.outputs is None:
            raise ValueError("[ports] outputs is missing: name the nodes of the netlist that are read")
        return self


TABLES: dict[str, type[Table]] = {
    "circuit": CircuitTable,
    "ports": PortsTable,
    "task": TaskTable,
    "rule": RuleTable,
    "train": TrainTable,
    "flow": FlowTable,
    "backend": BackendTable,
}
"""The tables by name."""
