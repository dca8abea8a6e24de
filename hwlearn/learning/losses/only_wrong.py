"""The squared error of samples that are classified wrongly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import square_sum
from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss


class OnlyWrong(Loss):
    """ℓ = ½ ‖o − y‖² [V²] of wrong samples and 0 of right ones, mean over all samples; s = o − y where a sample is wrong.

    A sample is right if its outputs are nearer to its own target than to that of any other class. So targets say which way to
    go, and need not be reached: with class-mean targets (`Task.with_class_means`) the way in which linear networks learned to
    read digits (github.com/NachiStern/MNIST-Contrasive-Local-Learning-Networks). The loss jumps where a sample becomes right.

    Args:
        classes: (K, n_out) V, the targets of the classes; those among the samples of a step if not given.

    Raises:
        HwlearnError: classes that are no table of finite numbers.
    """

    name = "only-wrong"
    unit = "V²"
    jumps = True

    def __init__(self, classes: ArrayLike | None = None) -> None:
        self.classes = None if classes is None else np.array(classes, dtype=np.float64)
        if self.classes is not None and not (self.classes.ndim == 2 and np.isfinite(self.classes).all()):
            raise HwlearnError("classes: give one row for each class, with the target of each output [V]")

    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        signal = np.where(self._wrong(outputs, targets), outputs - targets, 0.0)
        return signal, 0.5 * square_sum(signal) / len(signal)

    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        return np.where(self._wrong(outputs, targets), change, 0.0)

    def _wrong(self, outputs: Array, targets: Array) -> Array:
        """(S, 1): whether another class is nearer."""
        classes = np.unique(targets, axis=0) if self.classes is None else self.classes
        away = ((outputs[:, None] - classes) ** 2).sum(axis=2).min(axis=1)
        return np.asarray(away < ((outputs - targets) ** 2).sum(axis=1) * (1 - 1e-12))[:, None]
