"""`BulkJunction`: the junctions between a MOSFET's bulk and its ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.junction import Junction


class BulkJunction(Junction):
    """The law of `Junction`, but −IS below −3 Vt, as SPICE has it in MOSFETs."""

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        drops = volts[0]
        x = drops / self._thermal
        off, rising = x <= -3.0, np.expm1(np.maximum(x, -3.0))
        current = self._saturation * np.where(off, -1.0, rising) + self._leak * drops
        return current, (self._steepness * np.where(off, 0.0, rising + 1.0) + self._leak,)
