"""Design files: `load_design` reads one, `write_design` leaves the circuit and an experiment that trains it.

[design]
nodes = 14                     # inputs and outputs included
edges = 26                     # at most
candidates = "all"             # or "grid", "crossbar", a list of pairs, a graph file, a netlist such as a board's
bounds = [1e-4, 1e-2]          # S, what the parts reach
objective = "steps"            # or "condition", "constant", "floor", "power", "edges"; a list makes a Pareto front
seed = 0

[ports]
inputs = ["a", "b", "c"]
outputs = ["t1", "t2", "t3", "t4"]

[task]
inputs = [[0.0, 1.0, 0.5]]     # V
targets = [[0.3, 0.6, 0.45, 0.7]]

[rule]
name = "ep"
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from hwlearn.analysis.design.candidates import READERS, crossbar_pairs, graph_pairs, grid_pairs
from hwlearn.analysis.design.imperfections import Imperfections, nudge_at
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import Design
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments.files import write_text
from hwlearn.experiments.messages import in_a_line
from hwlearn.experiments.settings import Conductance, Names
from hwlearn.experiments.task import Rows
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.ports import Port, Source, as_input, as_output
from hwlearn.text import GROUND
from hwlearn.toml import DESIGN, Table, read_toml

SPARE = 3
"""Times the predicted steps that the experiment may take."""

Goal = Literal["steps", "condition", "constant", "floor", "power", "edges"]
"""Names of `hwlearn.analysis.design.goals.OBJECTIVES`."""


Variable = Literal["edges", "trainable", "ports", "conductances"]
"""Names of `hwlearn.analysis.design.changes.CHANGES`."""


class DesignTable(Table):
    """`[design]`.

    Attributes:
        nodes: inputs and outputs included.
        edges: at most.
        candidates: which pairs of nodes an edge may join: "all", "grid" (nodes in rows, each beside up to eight others),
            "crossbar" (inputs, layers, outputs, each node with all of the next), a list of pairs, a graph file (GraphML, GML,
            edge or adjacency list by its ending: .graphml, .gml, .edgelist, .adjlist), or a netlist whose resistors are the
            candidates, such as that of a board.
        layers: of a crossbar, nodes of each layer between inputs and outputs; one layer if not given.
        bounds: lower and upper conductance [S].
        start: conductance of every edge before it is trained [S]; the geometric mean of the bounds if not given.
        loss: the rule's own, at which the task is learned: V² (A² for al); about 1e-12 V² if not given.
        objective: what the circuit shall be good at: "steps" until the task is learned, the "condition" λ_max/λ_min of the
            rule, the coercivity "constant" σ_min(J)², the error "floor" of imperfect parts and bench, the "power" that is
            dissipated once it is learned, the number of trainable "edges"; a list makes a Pareto front.
        family: random targets, of which the "constant" is that of the `lowest` part; the task's own if 0.
        lowest: 0.05 for that of the lowest 5 %, 0 for the worst.
        levels: of a part between the bounds, for the "floor".
        spaced: of what these are evenly spaced: "conductance", or "resistance", as those of digipots are.
        restarts: searches from random graphs.
        seed: of these.
        change: what a search may vary: "edges" (one goes, another of the candidates comes), "trainable" (which edges are; the
            others stay fixed), "ports" (the nodes that they are at), "conductances" (where each edge begins, or stays if it is
            fixed, `start` times powers of two within the bounds).
    """

    nodes: Annotated[int, Field(ge=2)]
    edges: PositiveInt
    candidates: str | Annotated[list[Annotated[list[str], Field(min_length=2, max_length=2)]], Field(min_length=1)] = "all"
    layers: list[PositiveInt] | None = None
    bounds: list[Conductance] = Field(default_factory=lambda: [1e-4, 1e-2], min_length=2, max_length=2)
    start: Conductance | None = None
    loss: PositiveFloat | None = None
    objective: Goal | Annotated[list[Goal], Field(min_length=1)] = "steps"
    family: NonNegativeInt = 0
    lowest: Annotated[float, Field(ge=0, lt=1)] = 0.05
    levels: Annotated[int, Field(ge=2)] = 256
    spaced: Literal["conductance", "resistance"] = "conductance"
    restarts: PositiveInt = 8
    seed: NonNegativeInt = 0
    change: Annotated[list[Variable], Field(min_length=1)] = Field(default=["edges"])

    @property
    def objectives(self) -> tuple[str, ...]:
        """As a list, without doubles."""
        return tuple(dict.fromkeys([self.objective] if isinstance(self.objective, str) else self.objective))


class DesignPorts(Table):
    """`[ports]`: nodes that are driven, nodes or differences "T,M" that are read.

    Attributes:
        inputs, outputs: the nodes; where `change` names "ports", those that a search begins with.
        places: nodes that ports may be put at then; all if not given. Ports at other nodes stay there.
    """

    inputs: Names
    outputs: Names
    places: Names | None = None


class DesignTask(Table):
    """`[task]`: inputs (S, n_in) V and targets (S, n_out) V."""

    inputs: Rows
    targets: Rows


class DesignRule(Table):
    """`[rule]`: the rule that shall train the circuit.

    Attributes:
        name: of the rule.
        nudge: in its unit; if not given, one that is small beside the output resistance, which noise may drown.
    """

    name: Literal["ep", "cl", "al"] = "ep"
    nudge: PositiveFloat | None = None


class DesignImperfections(Table):
    """`[imperfect]`: what parts and bench do besides `levels`, for the "floor".

    Attributes:
        noise: rms of each reading of a node [V].
        drift: amplitude of offsets that wander [V]. drift_period: of these, in readings.
        bias: half width [S] of the uniform distribution from which each edge has what it moves by itself in each step.
    """

    noise: NonNegativeFloat = 0.0
    drift: NonNegativeFloat = 0.0
    drift_period: PositiveFloat = 1000.0
    bias: NonNegativeFloat = 0.0


class DesignSettings(Table):
    """A whole design file."""

    design: DesignTable
    ports: DesignPorts
    task: DesignTask
    rule: DesignRule = DesignRule()
    imperfect: DesignImperfections = DesignImperfections()


KEYS = {
    "design": tuple(DesignTable.model_fields),
    "ports": tuple(DesignPorts.model_fields),
    "task": tuple(DesignTask.model_fields),
    "rule": tuple(DesignRule.model_fields),
    "imperfect": tuple(DesignImperfections.model_fields),
}
"""The tables of a design file, and their keys."""


def load_design(path: str | PathLike[str]) -> tuple[DesignSettings, Problem]:
    """Read and check a design file.

    Raises:
        ExperimentError: names the file and the key.
    """
    file = Path(path)
    _, content = read_toml(file, DESIGN, ExperimentError)
    try:
        settings = DesignSettings.model_validate(content)
    except ValidationError as error:
        raise ExperimentError(f"{file}: {in_a_line(error, tables=KEYS)}") from None
    table = settings.design
    try:
        return settings, Problem.of(
            Task(settings.task.inputs, settings.task.targets),
            settings.ports.inputs,
            settings.ports.outputs,
            nodes=table.nodes,
            edges=table.edges,
            candidates=_candidates(settings, file.parent),
            bounds=(table.bounds[0], table.bounds[1]),
            rule=settings.rule.name,
            loss=table.loss,
            start=table.start,
            objective=table.objectives[0],
            family=table.family,
            lowest=table.lowest,
            imperfections=Imperfections(**settings.imperfect.model_dump()),
            nudge=settings.rule.nudge,
            spaced=table.spaced,
            levels=table.levels,
            change=table.change,
            places=settings.ports.places or (),
        )
    except HwlearnError as error:
        raise ExperimentError(f"{file}: {error}") from None


def _candidates(settings: DesignSettings, folder: Path) -> list[tuple[str, str]] | None:
    """Pairs of nodes; None for all."""
    wanted = settings.design.candidates
    if settings.design.layers is not None and wanted != "crossbar":
        raise ExperimentError('design.layers: are those of candidates = "crossbar"')
    if wanted == "all":
        return None
    if not isinstance(wanted, str):
        return [(one, two) for one, two in wanted]
    if wanted in ("grid", "crossbar"):
        inputs = _nodes([as_input(one) for one in settings.ports.inputs])
        outputs = [node for node in _nodes([as_output(one) for one in settings.ports.outputs]) if node not in inputs]
        nodes = settings.design.nodes
        if wanted == "grid":
            return grid_pairs([*inputs, *outputs], nodes)
        return crossbar_pairs(inputs, outputs, nodes, settings.design.layers)
    file = folder / wanted
    if not file.is_file():
        raise ExperimentError(
            f'design.candidates: {wanted} is no file; give "all", "grid", "crossbar", a list of pairs, a graph or a netlist'
        )
    if file.suffix.lower() in READERS:
        return graph_pairs(file)
    return [(edge.tail, edge.head) for edge in Network.from_netlist(file).edges]


def _nodes(ends: Sequence[Source | Port]) -> list[str]:
    """Each once, without ground."""
    return list(dict.fromkeys(node for end in ends for node in (end.plus, end.minus) if node != GROUND))


def write_design(found: Design, folder: Path) -> None:
    """design.cir, the circuit before it is trained, and design.toml, an experiment that `hwlearn train` runs as it is.

    Raises:
        ExperimentError: a file cannot be written.
    """
    problem, course = found.problem, found.course
    network = problem.network(found.start)
    learns = [edge.name for edge, one in zip(network.edges, network.trainable, strict=True) if one]
    write_text(folder / "design.cir", network.to_netlist())
    nudge = nudge_at(problem, found.solution)
    tables: dict[str, dict[str, Any]] = {
        "circuit": {
            "netlist": "design.cir",
            "trainable": ["R*"] if network.trainable.all() else learns,
            "bounds": list(problem.bounds),
        },
        "ports": {"inputs": list(network.input_names), "outputs": list(network.output_names)},
        "task": {"inputs": problem.task.inputs.tolist(), "targets": problem.task.targets.tolist()},
        "rule": {"name": problem.rule, **({} if nudge is None else {"nudge": nudge}), "symmetric": True},
        "train": {
            "steps": SPARE * course.steps + 20,
            "learning_rate": course.learning_rate,
            "stop_loss": problem.loss,
        },
    }
    told = f"Designed: {course.steps} steps are predicted to a loss of {problem.loss:g}."
    write_text(folder / "design.toml", experiment_text(told, tables))


def experiment_text(told: str, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """An experiment file of tables with keys, below a comment of one line."""
    lines = [f"# {told}", ""]
    for name, keys in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
    return "\n".join(lines)
