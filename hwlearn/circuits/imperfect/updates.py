"""What programming does beside what it should."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect.effect import Effect
from hwlearn.errors import HwlearnError
from hwlearn.network import Network


class UpdateBias(Effect):
    """Every time a trainable edge is told to change, it also moves by a bias of its own: g ← g + Δg + b.

    The deterministic bias of learning hardware (Dillavou, Guzman, Liu, Durian 2025), whose edges drift while they learn and
    rest while they do not. It adds up, unknown to the circuit, within the bounds of the devices.

    Args:
        siemens: b per programming [S]: (E,), or the half width of a uniform distribution that each edge's b is drawn from.
    """

    remembered = ("drift", "last")

    def __init__(self, siemens: ArrayLike) -> None:
        self.siemens = np.array(siemens, dtype=np.float64)
        if self.siemens.ndim > 1 or not np.isfinite(self.siemens).all():
            raise HwlearnError("siemens: give one finite number, or one per edge")

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        edges = len(network.edges)
        if self.siemens.ndim and len(self.siemens) != edges:
            raise HwlearnError(f"siemens: {len(self.siemens)} values for {edges} edges")
        drawn = self.siemens if self.siemens.ndim else self.siemens * random.uniform(-1, 1, edges)
        self.bias = np.where(network.trainable, drawn, 0.0)
        self.drift, self.last = np.zeros(edges), np.full(edges, np.nan)
        self._bounds = bounds

    def real(self, conductances: Array, wanted: Array) -> Array:
        changed = (wanted != self.last) & np.isfinite(self.last)
        self.last = wanted.copy()
        real = conductances + self.drift + np.where(changed, self.bias, 0.0)
        real = np.where(self.bias != 0, np.clip(real, *self._bounds), real)
        self.drift = np.where(changed, real - conductances, self.drift)
        return real
