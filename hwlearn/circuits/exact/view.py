"""`View`: what is read at some places, from the free potentials and from the sources."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import SparseMap


class View(SparseMap):
    """What is read at m places, A x + L s: a matrix A (m, n) and offsets L (m, sources)."""

    def __init__(self, matrix: csr_array, offsets: csr_array) -> None:
        super().__init__(matrix)
        self._offsets = offsets

    @cached_property
    def offsets(self) -> SparseMap:
        """L as a map."""
        return SparseMap(self._offsets)

    def lifts_of_outputs(self, outputs: int) -> Array:
        """(sources, n_out): what a unit of each source alone does at the first places, the outputs."""
        return np.ascontiguousarray(self._offsets[:outputs].toarray().T)

    def lifts(self, columns: Array) -> Array:
        """(k, m): what source columns (sources, k) alone do."""
        return np.ascontiguousarray((self._offsets @ columns).T)
