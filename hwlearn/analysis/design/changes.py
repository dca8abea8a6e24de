"""`CHANGES`: what a search may vary, by name: the changes of each kind, screened by rank-one updates, nothing solved anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hwlearn.analysis.design.goals import OBJECTIVES, Outlook
from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Array, Indices

if TYPE_CHECKING:
    from hwlearn.analysis.design.problem import Problem

SCREENED = 20_000
"""Exchanges of edges that are screened before some are judged."""

BEST = 3
"""Edges that are told of those that may come for one that goes."""

LARGE = 100
"""Independent samples times outputs above which exchanges are not screened."""

UNRANKED = 400
"""Exchanges at random in place of that."""

CHUNK = 64
"""Edges that are tried together."""

FACTORS = (0.5, 2.0)
"""Of a conductance that is varied: a start in steps so coarse does not solve the task by itself."""


class Change(Protocol):
    """Something that is done to a circuit before it is trained."""

    def applied(self, circuit: Solved) -> Solved | None:
        """The circuit after it; None if a node would hang in the air."""
        ...


Screened = tuple[float, Change]
"""The estimated order of costs after a change, lower is better, and the change."""


@dataclass(frozen=True)
class Exchange(Change):
    """The edge `edge` goes, another from node `tail` to node `head` comes, of `conductance` [S]."""

    edge: int
    tail: int
    head: int
    conductance: float

    def applied(self, circuit: Solved) -> Solved | None:
        left = circuit.without(self.edge)
        return None if left is None else left.with_edge(self.tail, self.head, self.conductance)


@dataclass(frozen=True)
class Fixing(Change):
    """A trainable edge is fixed, or a fixed one becomes trainable."""

    edge: int

    def applied(self, circuit: Solved) -> Solved | None:
        return circuit.fixed(self.edge)


@dataclass(frozen=True)
class Swap(Change):
    """The ports of two nodes are exchanged, or those of one are put at the other."""

    one: int
    two: int

    def applied(self, circuit: Solved) -> Solved | None:
        return circuit.swapped(self.one, self.two)


@dataclass(frozen=True)
class Scaling(Change):
    """An edge begins with `factor` times its conductance, or stays at it if it is fixed."""

    edge: int
    factor: float

    def applied(self, circuit: Solved) -> Solved | None:
        return circuit.with_conductance(self.edge, self.factor * float(circuit.conductances[self.edge]))


def exchanges(problem: Problem, start: Solved, at: Solved, random: np.random.Generator) -> Iterator[Screened]:
    """Of one edge for another of the candidates, all of them or `SCREENED` at random: the best few for each that goes.

    With more than `LARGE` independent targets a spectrum costs as much as a training: some at random then, in no order.
    """
    count = len(problem.nodes)
    have = np.sort(at.ends, axis=1) @ (count, 1)
    new = problem.useful(at.plan)
    new = new[~np.isin(new @ (count, 1), have)]
    removed = random.permutation(len(at.tails))
    if not len(new):
        return
    if at.plan.targets.size > LARGE:
        for edge in random.choice(removed, UNRANKED).tolist():
            yield 0.0, Exchange(edge, *_pair(new[random.integers(len(new))]), problem.start)
        return
    if len(new) * len(removed) > SCREENED:
        new = new[random.permutation(len(new))[: max(SCREENED // len(removed), CHUNK)]]
        removed = removed[: max(SCREENED // len(new), 1)]
    for edge in removed.tolist():
        left = at.without(edge)
        if left is None:
            continue
        scores = _with_each(problem, left, new)
        for k in np.argsort(scores)[:BEST].tolist():
            yield float(scores[k]), Exchange(edge, *_pair(new[k]), problem.start)


def _pair(nodes: Indices) -> tuple[int, int]:
    return int(nodes[0]), int(nodes[1])


def fixings(problem: Problem, start: Solved, at: Solved, random: np.random.Generator) -> Iterator[Screened]:
    """Of each edge: J Jᵀ loses or gains that of its column."""
    volts, ohms = at.drops(at.tails, at.heads)
    columns = (volts[:, :, None] * ohms[:, None, :]).reshape(len(volts), -1)
    changed = np.where(at.trainable, -1.0, 1.0)[:, None, None] * columns[:, :, None] * columns[:, None, :]
    here = Outlook.of(at)
    edges = len(columns)
    same = [np.repeat(one, edges, axis=0) for one in (here.resistances, here.powers, here.errors)]
    every = Outlook(here.grams + changed, *same)
    for edge, score in enumerate(_screen(problem, every).tolist()):
        yield score, Fixing(edge)


def swaps(problem: Problem, start: Solved, at: Solved, random: np.random.Generator) -> Iterator[Screened]:
    """Of the ports of two places."""
    ports = {*at.plan.held.tolist(), *np.flatnonzero(at.plan.ports.any(axis=1)).tolist()}
    places = problem.movable.tolist()
    for one in sorted(ports & set(places)):
        for two in places:
            if one < two or two not in ports:
                yield from _tried(problem, at, Swap(one, two))


def scalings(problem: Problem, start: Solved, at: Solved, random: np.random.Generator) -> Iterator[Screened]:
    """Of each conductance by each of the `FACTORS`, within the bounds."""
    low, high = problem.bounds
    for edge, conductance in enumerate(start.conductances.tolist()):
        for factor in FACTORS:
            if low <= factor * conductance <= high:
                yield from _tried(problem, at, Scaling(edge, factor))


CHANGES: dict[str, Callable[[Problem, Solved, Solved, np.random.Generator], Iterator[Screened]]] = {
    "edges": exchanges,
    "trainable": fixings,
    "ports": swaps,
    "conductances": scalings,
}
"""By the names of a design file. Each is given the circuit before training, and at the solution, where it screens."""


def _tried(problem: Problem, at: Solved, change: Change) -> Iterator[Screened]:
    changed = change.applied(at)
    if changed is not None:
        yield float(_screen(problem, Outlook.of(changed))[0]), change


def _with_each(problem: Problem, left: Solved, new: Indices) -> Array:
    """Estimated order of costs (C,) with each of the new edges."""
    chunks = [new[first : first + CHUNK] for first in range(0, len(new), CHUNK)]
    return np.concatenate([_screen(problem, Outlook.with_edge(left, chunk, problem.start)) for chunk in chunks])


def _screen(problem: Problem, seen: Outlook) -> Array:
    return OBJECTIVES[problem.objective].screen(problem, seen)
