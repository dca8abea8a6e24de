"""`Junction`: the exponential law of diodes, and of the junctions that other devices have."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.law import Law, Limiter

VOLT = 1.38064852e-23 * 300.15 / 1.6021766208e-19
"""Vt = kT/q [V] at SPICE's 27 °C, by the constants of ngspice (CODATA 2014)."""

GMIN = 1e-12
"""S beside each junction, as in ngspice."""

SHIFTED_BY = ("temp", "tnom", "gmin")
"""Options of ngspice that change what a junction is."""


class Junction(Law):
    """Anode to cathode: i(d) = IS (exp(d / N Vt) − 1) + GMIN d at 27 °C.

    Below −3 N Vt, SPICE has −(3 N Vt / e d)³ for exp(d / N Vt).

    Args:
        saturation: IS (D,) A.
        emission: N (D,).

    """

    def __init__(self, saturation: Array, emission: Array) -> None:
        self.scale = VOLT * emission
        self._thermal, self._saturation = self.scale[:, None], saturation[:, None]
        self._steepness = self._saturation / self._thermal

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        drops = volts[0]
        x = drops / self._thermal
        low, reverse = np.minimum(x, -3.0), x < -3.0
        ratio = 3 / math.e / low
        tail, rising = ratio * ratio * ratio, np.expm1(np.maximum(x, -3.0))
        currents = self._saturation * np.where(reverse, -1.0 - tail, rising) + GMIN * drops
        return currents, (self._steepness * np.where(reverse, 3 * tail / low, rising + 1.0) + GMIN,)

    def limiter(self, typical: float) -> Limiter:
        """The knee is where a junction conducts about as well as a typical conductance [S].

        A junction beyond its knee takes Newton's step in its current, d = N Vt log(1 + i/IS), which an exponential cannot
        overshoot (Nagel 1975, the limiting of SPICE).
        """
        thermal = self._thermal
        knee = thermal * np.log1p(thermal * typical / self._saturation)

        def limit(before: Array, after: Array) -> None:
            base = np.maximum(before, knee)
            rise = after - base
            if (rise > 0).any():
                np.copyto(after, base + thermal * np.log1p(np.maximum(rise, 0.0) / thermal), where=rise > 0)

        return limit
