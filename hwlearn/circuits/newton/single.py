"""`Single`: conductances that are kept in float32, for a circuit that computes in it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.blocks import consecutive
from hwlearn.network import Network


def inwards(bounds: Array, way: float, dtype: DTypeLike) -> NDArray[np.floating]:
    """Bounds as numbers of a kind: where they are none, the next ones of it towards `way`, which is +∞ or −∞."""
    with np.errstate(over="ignore"):
        near: NDArray[np.floating] = bounds.astype(dtype)
    beyond = near < bounds if way > 0 else near > bounds
    return np.where(beyond, np.nextafter(near, np.array(way, dtype=dtype)), near)


class Exact:
    """Which edges of a network are kept in float64: those of devices, whose number may be a small one above a large, and those
    that nothing moves: fixed ones, and ones between whose bounds there is no number of float32.

    Args:
        conductances: (E,) S; those of edges that nothing moves stay.

    Attributes:
        devices: edges with a device.
    """

    def __init__(self, network: Network, conductances: Array) -> None:
        self.devices = consecutive(np.array(sorted(network.device_at), dtype=np.intp))
        lower, upper = (inwards(bound, way, np.float32) for bound, way in ((network.lower, np.inf), (network.upper, -np.inf)))
        self._fixed = np.flatnonzero(~network.trainable | (lower > upper))
        self._still = conductances[self._fixed]

    def whole(self, numbers: NDArray[np.float32], devices: Array) -> Array:
        """(E,) S for `numbers` (E,), those of resistors, and `devices` (D,)."""
        found = numbers.astype(np.float64)
        found[self._fixed] = self._still
        found[self.devices] = devices
        found.setflags(write=False)
        return found


class Single:
    """Conductances of resistors in float32, half the memory to move in each step of training; others in float64.

    Args:
        numbers: (E,) S of resistors; not read at devices. devices: (D,) S of these. Neither is written to any more.
        exact: which are which.
    """

    def __init__(self, numbers: NDArray[np.float32], devices: Array, exact: Exact) -> None:
        self.numbers, self.devices, self._exact = numbers, devices, exact

    @classmethod
    def of(cls, network: Network, conductances: Array) -> Single:
        """Conductances (E,) S of a network, rounded."""
        exact = Exact(network, conductances)
        return cls(conductances.astype(np.float32), conductances[exact.devices], exact)

    def moved(self, numbers: NDArray[np.float32], devices: Array) -> Single:
        """Others of the same network; fixed edges keep theirs."""
        return Single(numbers, devices, self._exact)

    def at_devices(self, values: NDArray[np.float32]) -> Array:
        """(D,) in float64, of (E,)."""
        return values[self._exact.devices].astype(np.float64)

    @cached_property
    def whole(self) -> Array:
        """(E,) S in float64. Read-only."""
        return self._exact.whole(self.numbers, self.devices)
