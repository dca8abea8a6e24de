"""Cross-entropy."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError, TaskError
from hwlearn.learning.loss import Loss


class CrossEntropy(Loss):
    """ℓ = −u² Σ y ln p with p = softmax(o/u) [V²], mean over the samples; s = u (p Σy − y) [V].

    Each output stands for a class, and targets are shares of the classes: one-hot rows for labels (`Task.classification`).
    Outputs need not reach a target voltage. They need to differ, by a few u, so u suits what the circuit can do. The usual
    cross-entropy in nats is ℓ/u²; times u², signals have the size of voltages, and natural nudges fit.

    Args:
        scale: u, the difference of outputs [V] that makes one class e times as likely as another.

    Raises:
        HwlearnError: a scale that is not positive.
    """

    name = "cross-entropy"
    unit = "V²"

    def __init__(self, scale: float = 0.05) -> None:
        if not (math.isfinite(scale) and scale > 0):
            raise HwlearnError(f"scale is {scale}; it must be positive, in volts")
        self.scale = float(scale)

    def __repr__(self) -> str:
        return f"CrossEntropy(scale={self.scale})"

    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        shares, total, powers = self._softmax(outputs, targets)
        signal = self.scale * (total * shares - targets)
        logarithms = (
            total[:, 0] * np.log(powers.sum(axis=1)) - ((outputs - _largest(outputs)) * targets).sum(axis=1) / self.scale
        )
        return signal, self.scale**2 * float(logarithms.mean())

    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        shares, total, _ = self._softmax(outputs, targets)
        return np.asarray(total * shares * (change - (shares * change).sum(axis=1, keepdims=True)))

    def _softmax(self, outputs: Array, targets: Array) -> tuple[Array, Array, Array]:
        """(S, n_out) p, (S, 1) Σy, and (S, n_out) what p is made of: exp((o − max o)/u)."""
        self.check_classes(outputs)
        if targets.min() < 0:
            sample, output = np.argwhere(targets < 0)[0]
            raise TaskError(
                f"cross-entropy: target of sample {sample}, output {output} is {targets[sample, output]:g}; "
                "targets are shares of the classes, 0 or more"
            )
        powers = np.exp((outputs - _largest(outputs)) / self.scale)
        return powers / powers.sum(axis=1, keepdims=True), targets.sum(axis=1, keepdims=True), powers


def _largest(outputs: Array) -> Array:
    return np.asarray(outputs.max(axis=1, keepdims=True))
