"""What devices make of a wanted conductance: tolerance, levels, stuck and dead ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect.effect import Effect, edges_named, not_negative
from hwlearn.errors import HwlearnError, NetworkError
from hwlearn.network import Network


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

    def within(self, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        lower, upper = (np.clip(bound, self.lowest, self.highest) for bound in bounds)
        return np.where(self.trainable, lower, bounds[0]), np.where(self.trainable, upper, bounds[1])

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
    """The named edges are not there, whatever device they were: nothing is left of them but `leak`, a resistor.

    Without a leak they are left out of the circuit. A node that hangs on them only would float, and is refused.

    Args:
        names: of the edges.
        leak: conductance that each of them has left [S]; 0 for none.
    """

    def __init__(self, names: Sequence[str], leak: float = 0.0) -> None:
        super().__init__(names)
        self.leak = not_negative("leak", leak)

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        super().begin(network, bounds, random)
        self.kept = np.full(len(self.edges), self.leak)

    def built(self, network: Network) -> Network:
        dead = [name for name in self.names if name in network.edge_names]
        if not self.leak:
            try:
                return network.without(dead)
            except NetworkError as error:
                raise HwlearnError(
                    f"dead edges: {error}: the voltage there is nowhere; let one of them live, or say what they leak: "
                    "leak = 1e-12 [S], say"
                ) from None
        left = np.isin(network.edge_names, dead)
        return replace(
            network,
            conductances=np.where(left, self.leak, network.conductances),
            trainable=network.trainable & ~left,
            devices=tuple(device for device in network.devices if device.edge not in dead),
        )
