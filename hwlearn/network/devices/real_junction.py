"""`RealJunction`: a junction with series resistance, breakdown and high injection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.junction import Junction, exponential
from hwlearn.network.devices.law import Limiter

_MOST = 100
"""Iterations for the voltage behind the series resistance; some ten are usual."""


class RealJunction(Junction):
    """Anode to cathode, with the voltage w behind the series resistance R, d = w + R i(w).

    i(w) is the current of `Junction`, or −IS exp(−(w + BV)/N_BV Vt) below −BV; with a knee IK it is i / (1 + √|i/IK|), each
    direction with its own; GMIN w beside. All slopes are positive, so w is unique.

    Args:
        saturation, thermal, leak: (D,), see `Junction`.
        resistance: R (D,) Ω.
        breakdown: (D,) V, where breakdown sets in; infinite for none.
        breakdown_thermal: N_BV Vt (D,) V.
        knee, reverse_knee: (D,) A; infinite for none.
    """

    def __init__(
        self,
        saturation: Array,
        thermal: Array,
        leak: Array,
        resistance: Array,
        breakdown: Array,
        breakdown_thermal: Array,
        knee: Array,
        reverse_knee: Array,
    ) -> None:
        super().__init__(saturation, thermal, leak)
        self.scale = np.minimum(thermal, breakdown_thermal)
        self._resistance, self._breakdown, self._broken_thermal = (
            resistance[:, None],
            breakdown[:, None],
            breakdown_thermal[:, None],
        )
        self._knee, self._reverse_knee = knee[:, None], reverse_knee[:, None]

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        current, slope = self._behind(self._inner(volts[0]))
        return current, (slope / (1 + self._resistance * slope),)

    def limiter(self, typical: float) -> Limiter:
        """As of `Junction`, forward and in breakdown; the drop across R follows the current."""
        thermal, broken = self._thermal, self._broken_thermal
        up = thermal * np.log1p(thermal * typical / self._saturation)
        down = -self._breakdown - broken * np.log1p(broken * typical / self._saturation)
        up, down = (w + self._resistance * self._behind(w)[0] for w in (up, down))

        def limit(before: Array, after: Array) -> None:
            for turn, knee, volt in ((1.0, up, thermal), (-1.0, down, broken)):
                base = np.maximum(turn * before, turn * knee)
                rise = turn * after - base
                beyond = (rise > 0) & np.isfinite(base)
                if beyond.any():
                    _, slope = self._behind(self._inner(turn * base))
                    share = np.maximum(rise, 0.0) / (1 + self._resistance * slope)
                    limited = base + volt * np.log1p(share / volt) + self._resistance * slope * share
                    np.copyto(after, turn * limited, where=beyond)

        return limit

    def _behind(self, w: Array) -> tuple[Array, Array]:
        """Current and slope for the voltage w of the junction itself."""
        x = w / self._thermal
        current, slope = exponential(x)
        depth = -(self._breakdown + w) / self._broken_thermal
        broken, most = depth > 0, np.exp(np.maximum(depth, 0.0))
        current = self._saturation * np.where(broken, -most, current)
        slope = np.where(broken, self._saturation * most / self._broken_thermal, self._steepness * slope)
        knee = np.where(x >= -3, self._knee, self._reverse_knee)
        root = np.sqrt(np.abs(current) / knee) * (np.where(x >= -3, current, -current) > 1e-18)
        current, slope = current / (1 + root), slope * (1 + root / 2) / (1 + root) ** 2
        return current + self._leak * w, slope + self._leak

    def _inner(self, drops: Array) -> Array:
        """w, by Newton's method from the side where the current bends towards it.

        It lies between 0 and the drop, and at most where the junction alone takes all of the current that R admits.
        """
        if not self._resistance.any():
            return drops
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            most = np.abs(drops) / self._resistance
            up = self._thermal * np.log1p(_before_knee(most, self._knee) / self._saturation)
            down = self._broken_thermal * np.log(np.maximum(_before_knee(most, self._reverse_knee) / self._saturation, 1.0))
            w = np.where(drops >= 0, np.fmin(drops, up), np.fmax(drops, -self._breakdown - down))
        for _ in range(_MOST):
            current, slope = self._behind(w)
            step = (w - drops + self._resistance * current) / (1 + self._resistance * slope)
            w = w - step
            if not (np.abs(step) > 1e-15 * (np.abs(w) + self._thermal)).any():
                break
        return w


def _before_knee(current: Array, knee: Array) -> Array:
    """The current that i / (1 + √(i/IK)) makes `current`."""
    root = np.sqrt(current / knee)  # of the result, s² = i/IK, with s² / (1 + s) = root²
    s = (root + np.sqrt(root**2 + 4)) / 2
    return np.asarray(current * np.where(np.isfinite(knee), s**2, 1.0))
