"""The squared error of the mean output of each class."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.learning.loss import Loss


class ClassMeans(Loss):
    """ℓ = ½ Σ_k n_k/S ‖ō_k − y_k‖² [V²]: samples with the same target are a class k, judged by their mean output ō_k.

    The signal of all n_k samples of a class is ō_k − y_k. What a class does on average is learned, not its spread.
    """

    name = "class-means"
    unit = "V²"

    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        signal = _means(outputs, targets) - targets
        return signal, 0.5 * float((signal**2).sum()) / len(signal)

    def curvature(self, outputs: Array, targets: Array, change: Array) -> Array:
        return _means(change, targets)


def _means(values: Array, targets: Array) -> Array:
    """(S, n_out): each row replaced by the mean of its class."""
    classes, members = np.unique(targets, axis=0, return_inverse=True)
    members = members.ravel()
    sums = np.zeros_like(classes)
    np.add.at(sums, members, values)
    return np.asarray((sums / np.bincount(members)[:, None])[members])
