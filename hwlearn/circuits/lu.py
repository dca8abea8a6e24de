"""`Lu`: SuperLU behind the interface of `Cholesky`, for matrices that are not symmetric."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csc_matrix
from scipy.sparse.linalg import splu

from hwlearn.circuits.linalg import Indices, Vector
from hwlearn.errors import SimulationError


class Lu:
    """Factor of a matrix with a fixed sparsity pattern, all of it in CSC order, whose columns are diagonally dominant.

    Raises:
        SimulationError: the matrix is singular to working precision.
    """

    name = "SuperLU"

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        self._matrix = csc_matrix(csc_array((np.ones(len(indices)), indices, indptr), shape=(size, size)))

    def factor(self, data: Vector) -> None:
        """Numeric factorisation, without exchange of rows: dominant columns need none."""
        self._matrix.data[:] = data
        try:
            self._factor = splu(
                self._matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError:
            raise SimulationError("the circuit is singular to working precision (SuperLU): transistors may be off") from None

    def solve(self, right: Vector) -> Vector:
        """(k, n): the solutions of K x = r with the last factor for each row r of `right` (k, n); new memory."""
        return np.asarray(self._factor.solve(right.T).T)
