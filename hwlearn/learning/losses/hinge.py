"""The squared hinge loss."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss


class Hinge(Loss):
    """ℓ = ½ Σ_j max(0, m + o_j − o_c)² [V²] over the outputs j ≠ c, mean over the samples, where c has the largest target.

    Only outputs that come within the margin m of the right one count: a sample that is right by m is left alone. The signal
    is d_j = max(0, m + o_j − o_c) at these outputs and −Σ d_j at the right one [V]. Weston and Watkins 1999, squared, so that
    it has no corner.

    Args:
        margin: m, by how much the right output shall be above the others [V]; 0 counts wrong samples alone.

    Raises:
        HwlearnError: a negative margin.
    """

    name = "hinge"
    unit = "V²"

    def __init__(self, margin: float = 0.1) -> None:
        if not (math.isfinite(margin) and margin >= 0):
            raise HwlearnError(f"margin is {margin}; it must be 0 V or more")
        self.margin = float(margin)

    def __repr__(self) -> str:
        return f"Hinge(margin={self.margin})"

    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        short, right = self._short(outputs, targets)
        return _against(short, right), 0.5 * float((short**2).sum()) / len(short)

    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        short, right = self._short(outputs, targets)
        return _against(np.where(short > 0, change - np.take_along_axis(change, right, axis=1), 0.0), right)

    def _short(self, outputs: Array, targets: Array) -> tuple[Array, NDArray[np.intp]]:
        """(S, n_out) d, zero at the right output; and (S, 1) which that is."""
        self.check_classes(outputs)
        right = targets.argmax(axis=1)[:, None]
        short = np.maximum(self.margin + outputs - np.take_along_axis(outputs, right, axis=1), 0.0)
        np.put_along_axis(short, right, 0.0, axis=1)
        return short, right


def _against(short: Array, right: NDArray[np.intp]) -> Array:
    """What lowers outputs and raises the right one by as much in total."""
    signal = short.copy()
    np.put_along_axis(signal, right, -short.sum(axis=1, keepdims=True), axis=1)
    return signal
