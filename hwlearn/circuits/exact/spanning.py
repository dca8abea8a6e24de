"""`Spanning`: as few source columns as span the inputs of a drive, where samples are combinations of each other."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.exact.ports import Basis, System

APART, NOTHING = 1e-9, 1e-13
"""Combinations larger than the first of these, relative to the largest, are kept; what is smaller than the second is rounding.
Where there is one between them, nothing is combined."""

MANY = 16
"""Samples per source above which nobody looks whether they are combinations of fewer."""


class Spanning(Basis):
    """Combinations of the columns that a system has for its sources, so that their assembly serves these too.

    Args:
        columns: (sources, count).
    """

    def __init__(self, system: System, columns: Array) -> None:
        self.system, self.samples, self.columns = system, None, columns
        self.count = columns.shape[1]
        self.identity = np.eye(self.count)
        self.outputs = len(system.port_rows)
        self.width = self.count + self.outputs
        self.injected = columns.T @ system.per_source.injected

    def assemble(self, conductances: Array) -> tuple[Array, Array]:
        numbers, right = self.system.per_source.assemble(conductances)
        return numbers, np.ascontiguousarray(self.columns.T @ right)


def spanning(system: System, inputs: Array) -> tuple[Basis, Array]:
    """A basis for `inputs` (S, n_in), and weights (S, count) of its columns; those of a `Spanning` are orthonormal.

    With X = U σ Vᵀ for the sources of the samples, U are the weights and σ Vᵀ the columns. One column per source, if no fewer
    do, or where to find out would take longer than it saves.
    """
    basis, padded = system.per_source, system.padded(inputs)
    if len(inputs) > MANY * system.sources:
        return basis, padded
    left, sizes, right = np.linalg.svd(padded, full_matrices=False)
    parts = sizes / sizes.max(initial=1e-300)
    count = int((parts > APART).sum())
    if count == system.sources or (parts[count:] > NOTHING).any():
        return basis, padded
    return Spanning(system, (right[:count] * sizes[:count, None]).T), np.ascontiguousarray(left[:, :count])
