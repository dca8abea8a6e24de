"""`repairs`: what gives a circuit back the rank that a symmetry of its targets takes, and the constant it then has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, combinations, count
from typing import Any

import numpy as np

from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.manifold import project
from hwlearn.analysis.symmetry import Symmetry
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.edges import Edge
from hwlearn.text import GROUND

ASIDE = 0.02
"""How far a target is moved off the symmetry, as a part of the largest voltage."""

SOURCES = 4
"""Sources to which edges are tried."""

LARGEST = 2000
"""Edges above which no repair is tried: each is a projection onto the solution manifold."""


@dataclass(frozen=True)
class Repair:
    """A change of the circuit or the task, and the coercivity constant that it leads to.

    Attributes:
        what: the change, in words.
        constant: σ_min(J)² [V²/S²] at a solution after it; 0 if coercivity still fails or no solution was found.
    """

    what: str
    constant: float

    def __str__(self) -> str:
        return f"{self.what}: constant {self.constant:.4g} V²/S²" if self.constant else f"{self.what}: does not help"


def repairs(network: Network, task: Task, symmetry: Symmetry) -> tuple[Repair, ...]:
    """Try each of these alone: more edges, a target off the symmetry, another start. The best is the first."""
    if len(network.edges) > LARGEST or network.elements or network.devices:
        return ()
    inside = [port for port in network.outputs if port.name in symmetry.outputs]
    tried = [Repair(what, _constant(circuit, task)) for what, circuit in _edges(network, [port.plus for port in inside])]
    best = sorted(tried, key=lambda repair: -repair.constant)[:1]
    names = [port.name for port in network.outputs]
    aside = []
    size = ASIDE * float(np.abs(task.inputs).max())
    for one, two in [(a, b) for a in symmetry.outputs for b in symmetry.outputs if a < b]:
        targets = task.targets.copy()
        targets[np.ix_(symmetry.samples, [names.index(one)])] += size
        targets[np.ix_(symmetry.samples, [names.index(two)])] -= size
        words = f"move the targets of {one} and {two} apart, by ±{size:.3g} V"
        aside.append(Repair(words, _constant(network, Task(task.inputs, targets))))
    best += sorted(aside, key=lambda repair: -repair.constant)[:1]
    random = np.random.default_rng(0)
    spread = network.conductances * 10 ** random.uniform(-0.5, 0.5, len(network.edges))
    start = np.where(network.trainable, np.clip(spread, network.lower, network.upper), network.conductances)
    best.append(Repair("start at other conductances", _constant(network, task, start)))
    return tuple(sorted(best, key=lambda repair: -repair.constant))


def _edges(network: Network, nodes: list[str]) -> Iterator[tuple[str, Network]]:
    """The network with an edge more from one of the nodes to a source, or one to each of two sources."""
    held = sorted({node for source in network.sources for node in (source.plus, source.minus)} - {GROUND})[:SOURCES]
    joined = {frozenset(edge[:2]) for edge in network.edges}
    for node in nodes:
        missing = [(node, source) for source in held if frozenset((node, source)) not in joined]
        for added in chain(combinations(missing, 1), combinations(missing, 2)):
            yield f"add {' and '.join(f'{one}–{two}' for one, two in added)}", _with_edges(network, added)


def _with_edges(network: Network, added: Sequence[tuple[str, str]]) -> Network:
    """With trainable resistors of the mean conductance between pairs of nodes."""
    free = (name for k in count(len(network.edges) + 1) if (name := f"R{k}") not in network.edge_names)
    more = len(added)
    middle = float(np.exp(np.log(network.conductances).mean()))
    return replace(
        network,
        edges=(*network.edges, *(Edge(one, two, next(free)) for one, two in added)),
        conductances=np.r_[network.conductances, np.full(more, middle)],
        trainable=np.r_[network.trainable, np.full(more, True)],
        lower=np.r_[network.lower, np.full(more, network.lower.min())],
        upper=np.r_[network.upper, np.full(more, network.upper.max())],
    )


def _constant(network: Network, task: Task, start: np.ndarray | None = None) -> float:
    found = project(network, task, start)
    return coercivity(found.jacobian).constant if found.reached else 0.0


def told(found: Sequence[Symmetry], tried: Sequence[Sequence[Repair]]) -> list[dict[str, Any]]:
    """Symmetries with their repairs, for JSON."""
    return [
        {**asdict(symmetry), "words": str(symmetry), "repairs": [asdict(repair) for repair in repairs]}
        for symmetry, repairs in zip(found, tried, strict=True)
    ]
