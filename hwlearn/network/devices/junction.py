"""`Junction`: the exponential law of diodes, and of the junctions that other devices have."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.law import Law, Limiter

GMIN = 1e-12
"""S beside each junction, as in ngspice."""

LEAST = 1e-300
"""A saturation current [A] that stands for none."""

SHIFTED_BY = ("temp", "tnom", "gmin")
"""Options of ngspice that change what a junction is."""


class Junction(Law):
    """Anode to cathode: i(d) = IS (exp(d / N Vt) − 1) + GMIN d.

    Below −3 N Vt, SPICE has −(3 N Vt / e d)³ for exp(d / N Vt).

    Args:
        saturation: IS (D,) A.
        thermal: N Vt (D,) V.
        leak: GMIN (D,) S.
    """

    def __init__(self, saturation: Array, thermal: Array, leak: Array) -> None:
        self.scale = thermal
        self._thermal, self._saturation, self._leak = thermal[:, None], saturation[:, None], leak[:, None]
        self._steepness = self._saturation / self._thermal

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        drops = volts[0]
        current, slope = exponential(drops / self._thermal)
        return self._saturation * current + self._leak * drops, (self._steepness * slope + self._leak,)

    def limiter(self, typical: float) -> Limiter:
        """The knee is where a junction conducts about as well as a typical conductance [S].

        A junction beyond its knee takes Newton's step in its current, d = N Vt log(1 + i/IS), which an exponential cannot
        overshoot (Nagel 1975, the limiting of SPICE).
        """
        thermal = self._thermal
        return beyond_knees(thermal, thermal * np.log1p(thermal * typical / np.maximum(self._saturation, LEAST)))


def beyond_knees(thermal: Array, knees: Array) -> Limiter:
    """Steps beyond knees [V] are taken in the current of an exponential, N Vt [V]; for both (…, D, 1)."""

    def limit(before: Array, after: Array) -> None:
        base = np.maximum(before, knees)
        rise = after - base
        beyond = rise > 0
        if beyond.any():
            np.copyto(after, base + thermal * np.log1p(np.maximum(rise, 0.0) / thermal), where=beyond)

    return limit


def exponential(x: Array) -> tuple[Array, Array]:
    """exp(x) − 1 with SPICE's tail below −3, and its slope."""
    low, reverse = np.minimum(x, -3.0), x < -3.0
    ratio = 3 / math.e / low
    tail, rising = ratio * ratio * ratio, np.expm1(np.maximum(x, -3.0))
    return np.where(reverse, -1.0 - tail, rising), np.where(reverse, 3 * tail / low, rising + 1.0)
