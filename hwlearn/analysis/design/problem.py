"""`Problem`: what a design is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from hwlearn.analysis.design.imperfections import Imperfections
from hwlearn.analysis.design.solved import Plan, Solved
from hwlearn.arrays import Array, Indices
from hwlearn.errors import ModelError
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.ports import Port, Source, as_input, as_output, canonical
from hwlearn.text import GROUND, did_you_mean

LEARNED = 1e-12
"""Mean ½‖o − y‖² [V²] at which a task counts as learned where no loss is given."""


def _pair(candidate: tuple[str, str]) -> tuple[str, str]:
    """The two nodes by the names that a network has for them.

    Raises:
        ModelError: they are one.
    """
    one, two = map(canonical, candidate)
    if one == two:
        raise ModelError(f"candidates: an edge from {one} to itself; remove it")
    return one, two


@dataclass(frozen=True)
class Problem:
    """A circuit that is wanted: its ports and task, the edges it may have, and the rule that shall train it.

    Attributes:
        nodes: names, those of the ports among them.
        inputs: voltage sources to ground. outputs: what is read.
        candidates: pairs of nodes that an edge may join.
        edges: how many it may have at most.
        bounds: lower and upper conductance [S] that the parts reach.
        start: conductance [S] of every edge before it is trained; the geometric mean of the bounds if not given.
        task: what it shall learn.
        rule: "ep", "cl" or "al".
        loss: the rule's own, at which the task is learned: V² for EP and CL, A² for AL.
        objective: what it shall be good at, a name of `OBJECTIVES`.
        change: what a search may vary, names of `CHANGES`.
        places: nodes at which a port may be put, if ports may vary; all but ground if not given.
        family: random targets whose constant counts in place of the task's own, if any.
        lowest: part of the family that may have a lower constant than is told; 0 for the worst.
        imperfections: of parts and bench, for the error floor. nudge: of the rule, in its unit.
        spaced: of what the levels of a part are evenly spaced between the bounds, "conductance" or "resistance" (digipots).
        levels: of a part: for the error floor.
    """

    nodes: tuple[str, ...]
    inputs: tuple[Source, ...]
    outputs: tuple[Port, ...]
    candidates: tuple[tuple[str, str], ...]
    edges: int
    bounds: tuple[float, float]
    task: Task
    rule: str = "ep"
    loss: float = 1e-12
    start: float = 0.0
    objective: str = "steps"
    family: int = 0
    lowest: float = 0.05
    imperfections: Imperfections = field(default_factory=Imperfections)
    nudge: float | None = None
    spaced: str = "conductance"
    levels: int = 256
    change: tuple[str, ...] = ("edges",)
    places: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        task: Task,
        inputs: Sequence[str | Source],
        outputs: Sequence[str | Port],
        *,
        nodes: int,
        edges: int,
        candidates: Sequence[tuple[str, str]] | None = None,
        bounds: tuple[float, float] = (1e-4, 1e-2),
        rule: str = "ep",
        loss: float | None = None,
        start: float | None = None,
        objective: str = "steps",
        family: int = 0,
        lowest: float = 0.05,
        imperfections: Imperfections | None = None,
        nudge: float | None = None,
        spaced: str = "conductance",
        levels: int = 256,
        change: Sequence[str] = ("edges",),
        places: Sequence[str] = (),
    ) -> Problem:
        """A problem with `nodes` nodes; those that are no ports are named h1, h2, … In one piece: it checks arguments.

        Args:
            candidates: pairs that an edge may join; all pairs of nodes if not given.
            loss: 1e-12 V² if not given, for AL what that is in a resistor of the start.

        Raises:
            ModelError: what is asked for cannot be, and why.
        """
        drives, ports = tuple(map(as_input, inputs)), tuple(map(as_output, outputs))
        for drive in drives:
            if drive.kind != "voltage" or drive.minus != GROUND:
                raise ModelError(f"input {drive.name}: a design is driven by voltages from node to ground")
        for array, ends, what in ((task.inputs, drives, "input"), (task.targets, ports, "target")):
            if array.shape[1] != len(ends):
                raise ModelError(f"task: {array.shape[1]} {what} values per sample for {len(ends)} ports")
        named = dict.fromkeys([drive.plus for drive in drives])
        named.update(dict.fromkeys(node for port in ports for node in (port.plus, port.minus) if node != GROUND))
        given = {frozenset(pair): pair for pair in map(_pair, candidates or ())}.values()
        named.update(dict.fromkeys(node for pair in given for node in pair))
        hidden = (f"h{k}" for k in range(1, nodes + 1))
        while len(named) < nodes:
            named.setdefault(next(hidden))
        if len(named) > nodes:
            raise ModelError(f"nodes = {nodes}: ports and candidates name {len(named)} nodes already")
        Network.from_edges(list(pairwise(named)), inputs=drives, outputs=ports)  # refuses ports that no circuit can have
        pairs = tuple(combinations(named, 2)) if candidates is None else tuple(given)
        driven = {drive.plus for drive in drives} | {GROUND}
        most = sum("ports" in change or not set(pair) <= driven for pair in pairs)
        least = len(set(named) - driven)
        if not least <= edges:
            raise ModelError(f"edges = {edges}: {least} to {most} join {len(named)} nodes by the candidates")
        edges = min(edges, most)
        for place in places:
            if place not in named:
                raise ModelError(f"ports.places: there is no node {place!r}{did_you_mean(place, named)}")
        if not 0 < bounds[0] < bounds[1]:
            raise ModelError(f"bounds = {list(bounds)}: two positive conductances [S], the lower one first")
        middle = float(np.sqrt(bounds[0] * bounds[1])) if start is None else start
        if loss is None:
            loss = LEARNED * (middle**2 if rule == "al" else 1.0)
        return cls(
            nodes=tuple(named),
            inputs=drives,
            outputs=ports,
            candidates=pairs,
            edges=edges,
            bounds=bounds,
            task=task,
            rule=rule,
            loss=loss,
            start=middle,
            objective=objective,
            family=family,
            lowest=lowest,
            imperfections=imperfections or Imperfections(),
            nudge=nudge,
            spaced=spaced,
            levels=levels,
            change=tuple(change),
            places=tuple(places),
        )

    def network(self, circuit: Solved, *, title: str = "design") -> Network:
        """A circuit of this problem, with its ports where they are."""
        held = [self.nodes[k] for k in circuit.plan.held.tolist()]
        ports = zip(self.outputs, circuit.plan.ports.T, strict=True)
        return Network.from_edges(
            [(self.nodes[tail], self.nodes[head]) for tail, head in circuit.ends.tolist()],
            circuit.conductances,
            inputs=[replace(drive, plus=node) for drive, node in zip(self.inputs, held, strict=False)],
            outputs=[self._port(port, column) for port, column in ports],
            trainable=circuit.trainable,
            bounds=self.bounds,
            title=title,
        )

    def _port(self, port: Port, column: Array) -> Port:
        minus = GROUND if port.minus == GROUND else self.nodes[int(np.argmin(column))]
        return Port(self.nodes[int(np.argmax(column))], minus)

    @cached_property
    def pairs(self) -> Indices:
        """(C, 2): the candidates as indices of nodes, the lower one first."""
        at = {name: k for k, name in enumerate(self.nodes)}
        return np.unique(np.sort([[at[one], at[two]] for one, two in self.candidates], axis=1), axis=0)

    @cached_property
    def relatives(self) -> tuple[Plan, ...]:
        """The plans of the family: targets random in the inner half of what the inputs of each sample span."""
        known = self.known
        low, high = known.min(axis=1), known.max(axis=1)
        part = np.random.default_rng(0).uniform(0.25, 0.75, (self.family, *self.task.targets.shape))
        return tuple(self._facing(targets) for targets in low[:, None] + part * (high - low)[:, None])

    @cached_property
    def plan(self) -> Plan:
        """What is solved, without edges."""
        return self._facing(self.task.targets)

    def _facing(self, targets: Array) -> Plan:
        """With targets (S, n_out) V."""
        at = {name: k for k, name in enumerate(self.nodes)}
        ports = np.zeros((len(self.nodes), len(self.outputs)))
        for k, port in enumerate(self.outputs):
            ports[at[port.plus], k] += 1
            if port.minus in at:
                ports[at[port.minus], k] -= 1
        held = [at[drive.plus] for drive in self.inputs] + ([at[GROUND]] if GROUND in at else [])
        return Plan.of(self.nodes, np.array(held), ports, (self.known, targets), merged=self.rule != "al")

    @property
    def known(self) -> Array:
        """(S, q) V at the nodes that are held, which are the inputs, and ground if it is a node."""
        inputs = self.task.inputs
        return np.column_stack((inputs, np.zeros(len(inputs)))) if GROUND in self.nodes else inputs

    def steps(self, conductances: Array) -> Array:
        """(E,) S between neighbouring levels of parts at `conductances` (E,)."""
        low, high = self.bounds
        if self.spaced == "resistance":
            return np.asarray(conductances**2 * (1 / low - 1 / high) / (self.levels - 1))
        return np.full(len(conductances), (high - low) / (self.levels - 1))

    def useful(self, plan: Plan) -> Indices:
        """(C, 2): the candidates; but those between held nodes, whose currents move no output, unless ports may move."""
        return self.pairs if "ports" in self.change else self.pairs[~np.isin(self.pairs, plan.held).all(axis=1)]

    @cached_property
    def movable(self) -> Indices:
        """Nodes at which ports may be put: `places`, all but ground if there are none."""
        return np.array([k for k, node in enumerate(self.nodes) if node in (self.places or self.nodes) and node != GROUND])

    def begin(self, ends: Indices) -> Solved:
        """Edges (E, 2) as they are before training."""
        return Solved.of(self.plan, ends[:, 0], ends[:, 1], np.full(len(ends), self.start))
