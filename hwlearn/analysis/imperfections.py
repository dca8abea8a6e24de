"""`IMPERFECTIONS`: the kinds of imperfect hardware that `robustness` tries, each with sizes that suit a circuit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwlearn.circuits.imperfect import (
    DeadEdges,
    Drift,
    Effect,
    Noise,
    NudgeGain,
    Offset,
    Quantised,
    StuckEdges,
    Tolerance,
    UpdateBias,
)
from hwlearn.errors import NetworkError
from hwlearn.network import Network

RANGE = 8.0
"""Levels go from the smallest conductance over this to the largest times this."""


@dataclass(frozen=True)
class Imperfection:
    """A kind of imperfection of adjustable size.

    Attributes:
        unit: of the size.
        sizes: to try, as parts of the scale: the largest target [V], the mean conductance [S], or 1.
        make: the effect of a size, given the network at the solution.
        hidden: whether conductances are not what they are believed to be: then re-identification may help.
    """

    unit: str
    sizes: tuple[float, ...]
    make: Callable[[float, Network], Effect]
    hidden: bool = False


def _levels(step: float, solved: Network, disorder: float = 0.0) -> Quantised:
    lowest, highest = float(solved.conductances.min()) / RANGE, float(solved.conductances.max()) * RANGE
    return Quantised(int(np.ceil((highest - lowest) / step)) + 1, lowest, highest, disorder)


def _some(count: float, solved: Network) -> list[str]:
    """Names of trainable edges, one at least being left; those of a smaller count first."""
    names = [name for name, free in zip(solved.edge_names, solved.trainable, strict=True) if free]
    order = np.random.default_rng(0).permutation(len(names))[: int(min(count, len(names) - 1))]
    return [names[k] for k in order]


def _dispensable(count: float, solved: Network) -> list[str]:
    """As `_some`, of edges without which no node floats."""
    found: list[str] = []
    for name in _some(np.inf, solved):
        try:
            solved.without([*found, name])
        except NetworkError:
            continue
        found.append(name)
    return found[: int(count)]


IMPERFECTIONS: dict[str, Imperfection] = {
    "noise": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Noise(size)),
    "least count": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Noise(size / 2, lsb=size)),
    "offset": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Offset(size)),
    "drift": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Drift(size)),
    "nudge gain": Imperfection("1", (1e-3, 1e-2, 1e-1), lambda size, _: NudgeGain(size)),
    "tolerance": Imperfection("1", (1e-3, 1e-2, 1e-1), lambda size, _: Tolerance(size), True),
    "level step": Imperfection("S", (1e-4, 1e-3, 1e-2), _levels),
    "not monotone": Imperfection("S", (1e-4, 1e-3, 1e-2), lambda size, solved: _levels(size, solved, 1.0)),
    "update bias": Imperfection("S", (1e-6, 1e-5, 1e-4), lambda size, _: UpdateBias(size), True),
    "stuck edges": Imperfection("edges", (1, 2, 4), lambda size, solved: StuckEdges(_some(size, solved))),
    "dead edges": Imperfection("edges", (1, 2, 4), lambda size, solved: DeadEdges(_dispensable(size, solved))),
}
"""The imperfections by name."""
