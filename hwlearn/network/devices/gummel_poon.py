"""Laws of a bipolar transistor: `Transport` (Gummel and Poon 1970) and `BaseCurrent`, as SPICE has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.junction import LEAST, beyond_knees, exponential
from hwlearn.network.devices.law import Law, Limiter


class Injected(NamedTuple):
    """What base-emitter and base-collector voltage inject, (D, S) A each, with slopes; the base charge and its slopes."""

    forward: Array
    by_emitter: Array
    reverse: Array
    by_collector: Array
    charge: Array
    charge_by_emitter: Array
    charge_by_collector: Array


class BaseCharge:
    """The base charge q_b = q₁ (1 + (1 + 4 q₂)^N) / 2 in units of that at rest, with q₁ = 1 / (1 − v_bc/VAF − v_be/VAR) and
    q₂ = i_f/IKF + i_r/IKR, for i_f = IS_f (exp(v_be / NF Vt) − 1) and i_r alike.

    Args:
        numbers: (D, 9): IS_f, IS_r [A], NF Vt, NR Vt [V], 1/VAF, 1/VAR [1/V], 1/IKF, 1/IKR [1/A], N.
    """

    def __init__(self, numbers: Array) -> None:
        columns = numbers.T[:, :, None]
        self._saturations, self.thermals, (self._early, self._late), self._knees = columns[:8].reshape(4, 2, -1, 1)
        self._exponent = columns[8]

    def at(self, volts: Array) -> Injected:
        """The base charge at (2, D, S) V: base against emitter, and against collector."""
        currents, slopes = exponential(volts / self.thermals)
        (forward, reverse), (by_emitter, by_collector) = (
            self._saturations * currents,
            self._saturations / self.thermals * slopes,
        )
        narrow = 1 / (1 - self._early * volts[1] - self._late * volts[0])
        filled = 1 + 4 * (self._knees[0] * forward + self._knees[1] * reverse)
        base = np.where(filled > 0, filled, 1.0)
        high = base**self._exponent
        rising = np.where(filled > 0, 2 * self._exponent * high / base, 0.0)
        charge = narrow * (1 + high) / 2
        return Injected(
            forward,
            by_emitter,
            reverse,
            by_collector,
            charge,
            narrow * (charge * self._late + rising * self._knees[0] * by_emitter),
            narrow * (charge * self._early + rising * self._knees[1] * by_collector),
        )

    def limiter(self, typical: float) -> Limiter:
        """Limits both voltages as those of a junction."""
        return beyond_knees(
            self.thermals, self.thermals * np.log1p(self.thermals * typical / np.maximum(self._saturations, LEAST))
        )


class Transport(Law):
    """Collector to emitter: (i_f − i_r) / q_b. The controls are those of `BaseCharge.at`."""

    def __init__(self, charge: Array) -> None:
        self._base = BaseCharge(charge)
        self.scale = self._base.thermals[:, :, 0]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        at = self._base.at(volts)
        current = (at.forward - at.reverse) / at.charge
        return current, (
            (at.by_emitter - current * at.charge_by_emitter) / at.charge,
            -(at.by_collector + current * at.charge_by_collector) / at.charge,
        )

    def limiter(self, typical: float) -> Limiter:
        return self._base.limiter(typical)


class BaseCurrent(Law):
    """Base to emitter or collector: two junctions side by side, and a leak.

    Args:
        numbers: (D, 5): saturation currents [A] and N Vt [V] of both, then the leak [S].
    """

    def __init__(self, numbers: Array) -> None:
        columns = numbers.T[:, :, None]
        self._saturations, self._thermals = columns[:4].reshape(2, 2, -1, 1)
        self._leak = columns[4]
        self.scale = self._thermals[:, :, 0].min(axis=0)

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        drops = volts[0]
        currents, slopes = exponential(drops / self._thermals)
        slope = (self._saturations / self._thermals * slopes).sum(axis=0)
        return (self._saturations * currents).sum(axis=0) + self._leak * drops, (slope + self._leak,)

    def limiter(self, typical: float) -> Limiter:
        """The limiter of the junction that conducts first."""
        knees = self._thermals * np.log1p(self._thermals * typical / np.maximum(self._saturations, LEAST))
        first = knees.argmin(axis=0)[None]
        return beyond_knees(np.take_along_axis(self._thermals, first, axis=0), np.take_along_axis(knees, first, axis=0))
