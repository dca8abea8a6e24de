"""`Spanning`: as few source columns as span the inputs of a drive, where samples are combinations of each other."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.exact.basis import Basis

APART, NOTHING = 1e-9, 1e-13
"""Combinations larger than the first of these, relative to the largest, are kept; what is smaller than the second is rounding.
Where there is one between them, nothing is combined."""

MANY = 16
"""Samples per source above which nobody looks whether they are combinations of fewer."""


class Spanning(Basis):
    """Combinations of the columns that a system has for its sources, so that their assembly serves these too.

    Args:
        per_source: a column for each source.
        columns: (sources, count).
    """

    def __init__(self, per_source: Basis, columns: Array) -> None:
        self.per_source, self.system, self.samples, self.columns = per_source, per_source.system, None, columns
        self.count = columns.shape[1]
        self.identity = np.eye(self.count)
        self.outputs = len(self.system.port_rows)
        self.width = self.count + self.outputs
        self.injected = columns.T @ per_source.injected

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        numbers, right = self.per_source.assemble(conductances)
        return numbers, np.ascontiguousarray(self.columns.T @ right)


def spanning(per_source: Basis, inputs: Array) -> tuple[Basis, Array]:
    """A basis for `inputs` (S, n_in), of one with a column per source, and weights (S, count) of its columns.

    With X = U σ Vᵀ for the sources of the samples, U are the weights, orthonormal, and σ Vᵀ the columns. One column per
    source, if no fewer do, or where to find out would take longer than it saves.
    """
    padded = per_source.padded(inputs)
    if len(inputs) > MANY * per_source.count:
        return per_source, padded
    left, sizes, right = np.linalg.svd(padded, full_matrices=False)
    parts = sizes / sizes.max(initial=1e-300)
    count = int((parts > APART).sum())
    if count == per_source.count or (parts[count:] > NOTHING).any():
        return per_source, padded
    return Spanning(per_source, (right[:count] * sizes[:count, None]).T), np.ascontiguousarray(left[:, :count])
