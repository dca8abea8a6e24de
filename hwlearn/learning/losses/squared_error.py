"""The squared error."""

from __future__ import annotations

from typing import final

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import square_sum
from hwlearn.learning.loss import Loss
from hwlearn.sealed import Sealed


class SquaredError(Sealed, Loss):
    """ℓ = ½ ‖o − y‖² [V²], mean over the samples; s = e = o − y.

    Its signal is affine in outputs and targets. So a linear circuit cannot tell a task from one with the same moments
    (`Task.condensed`), and rules rely on that for this type: `judge` and `curvature` are final.
    """

    name = "squared-error"
    unit = "V²"

    @final
    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        error = outputs - targets
        return error, 0.5 * square_sum(error) / len(error)

    @final
    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        return change
