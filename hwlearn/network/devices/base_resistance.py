"""`BaseResistance` and `CrowdedResistance`: what lies between a bipolar transistor's base and its junctions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.gummel_poon import BaseCharge, BaseCurrent
from hwlearn.network.devices.law import Law, Limiter

_QUARTER, _HALF = 14.59025, 2.4317
"""12² / π² and 24 / π², as SPICE has them."""


class BaseResistance(Law):
    """Base to the node inside, then the controls of `BaseCharge`: RBM + (RB − RBM) / q_b.

    Args:
        ohms: (D, 2): RB and RBM [Ω].
        charge: (D, 9), see `BaseCharge`.
    """

    def __init__(self, ohms: Array, charge: Array) -> None:
        self._base = BaseCharge(charge)
        self.scale = np.concatenate((np.ones((1, len(ohms))), self._base.thermals[:, :, 0]))
        self._spread, self._smallest = (ohms[:, 0] - ohms[:, 1])[:, None], ohms[:, 1, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        at = self._base.at(volts[1:])
        conductance = 1 / (self._smallest + self._spread / at.charge)
        current = conductance * volts[0]
        falls = current * conductance * self._spread / at.charge**2
        return current, (conductance, falls * at.charge_by_emitter, falls * at.charge_by_collector)

    def limiter(self, typical: float) -> Limiter:
        inside = self._base.limiter(typical)
        return lambda before, after: inside(before[1:], after[1:])


class CrowdedResistance(Law):
    """Base to the node inside, where the base current i_b crowds: RBM + 3 (RB − RBM) (tan z − z) / (z tan² z), for
    z = (√(1 + 14.59 i_b/IRB) − 1) / (2.4317 √(i_b/IRB)) (Hauser 1964).

    The controls are the drop, then base against emitter and against collector, both inside.

    Args:
        ohms: (D, 2): RB and RBM [Ω].
        half: IRB (D,) A.
        emitter, collector: (D, 5), see `BaseCurrent`.
    """

    def __init__(self, ohms: Array, half: Array, emitter: Array, collector: Array) -> None:
        self._spread, self._smallest, self._half = (ohms[:, 0] - ohms[:, 1])[:, None], ohms[:, 1, None], half[:, None]
        self._sides = BaseCurrent(emitter), BaseCurrent(collector)
        self.scale = np.stack((np.ones(len(ohms)), *(np.asarray(side.scale) for side in self._sides)))

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        (to_emitter, (by_emitter,)), (to_collector, (by_collector,)) = (
            side.currents(given, volts[k : k + 1]) for k, side in enumerate(self._sides, 1)
        )
        share = (to_emitter + to_collector) / self._half
        crowded, slope = _crowding(np.maximum(share, 1e-9))
        slope = np.where(share > 1e-9, slope / self._half, 0.0)
        conductance = 1 / (self._smallest + self._spread * crowded)
        current = conductance * volts[0]
        falls = -current * conductance * self._spread * slope
        return current, (conductance, falls * by_emitter, falls * by_collector)

    def limiter(self, typical: float) -> Limiter:
        inside = [side.limiter(typical) for side in self._sides]

        def limit(before: Array, after: Array) -> None:
            for k, one in enumerate(inside, 1):
                one(before[k : k + 1], after[k : k + 1])

        return limit


def _crowding(share: Array) -> tuple[Array, Array]:
    """3 (tan z − z) / (z tan² z) for i_b/IRB, and its slope."""
    root, whole = np.sqrt(share), np.sqrt(1 + _QUARTER * share)
    z = _QUARTER * root / (_HALF * (1 + whole))
    by_share = z / (2 * share * whole)
    small = z < 0.02
    wide = np.where(small, 1.0, z)
    tangent = np.tan(wide)
    found = 3 * (tangent - wide) / (wide * tangent**2)
    square = 1 + tangent**2
    slope = 3 * (
        (square - 1) / (wide * tangent**2) - (tangent - wide) * (tangent + 2 * wide * square) / (wide**2 * tangent**3)
    )
    series, bends = 1 - 4 * z**2 / 15 - 4 * z**4 / 105, -8 * z / 15 - 16 * z**3 / 105
    return np.where(small, series, found), np.where(small, bends, slope) * by_share
