"""What devices make of a wanted conductance: tolerance, levels, stuck and dead ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect.effect import Effect, edges_named, not_negative
from hwlearn.errors import HwlearnError
from hwlearn.network import Network

DEAD = 1e-9
"""A dead edge has this part of its first conductance."""


class Tolerance(Effect):
    """Edge e has (1 + ε_e) of what it is told, ε_e uniform in ± `part`; the circuit does not know."""

    def __init__(self, part: float) -> None:
        self.part = not_negative("part", part)
        if self.part >= 1:
            raise HwlearnError(f"part is {part}; conductances would turn negative")

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.factors = 1 + self.part * random.uniform(-1, 1, len(network.edges))

    def real(self, conductances: Array, wanted: Array) -> Array:
        return conductances * self.factors


class Quantised(Effect):
    """Trainable edges have evenly spaced levels; the nearest is taken, and known.

    Args:
        levels: number of levels.
        lowest, highest: the conductances of the first and the last [S].
        disorder: each level is truly off by up to ± this many steps, which the circuit does not know; above ½ the device is
            not monotone.
    """

    def __init__(self, levels: int, lowest: float, highest: float, disorder: float = 0.0) -> None:
        if levels < 2 or not 0 < lowest < highest < np.inf:
            raise HwlearnError(f"{levels} levels from {lowest:g} to {highest:g} S: need two or more, 0 < lowest < highest")
        self.levels, self.lowest, self.highest = levels, float(lowest), float(highest)
        self.step = (self.highest - self.lowest) / (levels - 1)
        self.disorder = not_negative("disorder", disorder)

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.trainable = network.trainable
        shift = self.disorder * random.uniform(-1, 1, (len(network.edges), self.levels))
        self.table = np.maximum(self.lowest + self.step * (np.arange(self.levels) + shift), self.lowest)
        self._edges = np.arange(len(network.edges))

    def believed(self, wanted: Array) -> Array:
        return np.where(self.trainable, self.lowest + self.step * self._codes(wanted), wanted)

    def real(self, conductances: Array, wanted: Array) -> Array:
        return np.where(self.trainable, self.table[self._edges, self._codes(conductances)], conductances)

    def _codes(self, conductances: Array) -> Array:
        return np.clip(np.rint((conductances - self.lowest) / self.step), 0, self.levels - 1).astype(np.intp)


class StuckEdges(Effect):
    """The named edges keep the conductance that they start with."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.edges = edges_named(network, self.names)
        self.kept = network.conductances[self.edges]

    def real(self, conductances: Array, wanted: Array) -> Array:
        real = conductances.copy()
        real[self.edges] = self.kept
        return real


class DeadEdges(StuckEdges):
    """The named edges do not conduct: `DEAD` of their first conductance."""

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        super().begin(network, bounds, random)
        self.kept = DEAD * self.kept
