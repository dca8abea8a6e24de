"""Newton's matrices of all samples, K = Σ_k s_k l_k r_kᵀ: assembled from slopes s, and solved with dense or sparse factors."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy.sparse import coo_array, csc_array, csc_matrix, csr_array
from scipy.sparse.linalg import splu

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.linalg import SparseMap, choose_cholesky
from hwlearn.errors import SimulationError

DENSE_SIZE = 20, 100
"""Largest symmetric and other matrices that are faster as dense ones, all samples in one call, than qdldl's and SuperLU's."""

UNCHANGED = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
EXCHANGED = {"permc_spec": "COLAMD", "diag_pivot_thresh": 1.0}
RESIDUAL = 1e-10
"""Of K x − r against |K| |x| + |r|: more than rounding leaves, and less than an exchange of rows that was due would."""


class Matrices(ABC):
    """K (n, n) = Σ_k s_k l_k r_kᵀ for slopes s that differ from sample to sample; each sample's result is its own.

    Args:
        left, right: l and r, sparse (k, n).

    Raises:
        SimulationError: a matrix is singular to working precision.
    """

    name: str

    def __init__(self, left: csr_array, right: csr_array) -> None:
        self.size = left.shape[1]
        pattern = csc_array(abs(left).T @ abs(right))
        pattern.sort_indices()
        rows, columns = pattern.indices.astype(np.intp), np.repeat(np.arange(self.size), np.diff(pattern.indptr))
        self._diagonals = SparseMap(csr_array(left.multiply(right).T))
        numbers = left.T.tocsr()[rows].multiply(right.T.tocsr()[columns])  # (entries, k)
        self._numbers = SparseMap(self._arranged(csr_array(numbers), rows, columns))

    @abstractmethod
    def _arranged(self, numbers: csr_array, rows: Indices, columns: Indices) -> csr_array:
        """The map from slopes to what `_solve` takes, for that to the numbers at rows and columns, in CSC order."""

    def solve(self, slopes: Array, right: Array, transposed: bool = False) -> Array:
        """(S, n, m): K⁻¹ r, or K⁻ᵀ r, for slopes (k, S) and r (S, n, m)."""
        return self._solve(self._numbers.of_columns(slopes, np.zeros((1, 1))), right, transposed)

    def diagonals(self, slopes: Array) -> Array:
        """(n, S): the diagonals of K for slopes (k, S)."""
        return self._diagonals.of_columns(slopes, np.zeros((1, 1)))

    @abstractmethod
    def _solve(self, numbers: Array, right: Array, transposed: bool) -> Array:
        """`solve` for numbers (…, S)."""


class DenseMatrices(Matrices):
    """LAPACK gesv."""

    name = "LAPACK"

    def _arranged(self, numbers: csr_array, rows: Indices, columns: Indices) -> csr_array:
        entries = coo_array(numbers)
        at = rows * self.size + columns
        return csr_array((entries.data, (at[entries.row], entries.col)), shape=(self.size**2, numbers.shape[1]))

    def _solve(self, numbers: Array, right: Array, transposed: bool) -> Array:
        matrices = numbers.T.reshape(len(right), self.size, self.size)
        try:
            return np.asarray(np.linalg.solve(matrices.swapaxes(1, 2) if transposed else matrices, right))
        except np.linalg.LinAlgError:
            raise SimulationError(_singular(self.name)) from None


class SymmetricMatrices(Matrices):
    """The Cholesky solver that the pattern asks for, sample by sample."""

    def _arranged(self, numbers: csr_array, rows: Indices, columns: Indices) -> csr_array:
        upper = rows <= columns
        indptr = np.searchsorted(columns[upper], np.arange(self.size + 1))
        self._cholesky = choose_cholesky(self.size, indptr, rows[upper])
        self.name = self._cholesky.name
        return csr_array(numbers[upper])

    def _solve(self, numbers: Array, right: Array, transposed: bool) -> Array:
        found = np.empty(right.shape)
        for k, data in enumerate(np.ascontiguousarray(numbers.T)):
            self._cholesky.factor(data)
            found[k] = self._cholesky.solve(np.ascontiguousarray(right[k].T)).T
        return found


class GeneralMatrices(Matrices):
    """SuperLU, sample by sample, at first without exchange of rows: where diagonals dominate their columns, none is needed.

    Where the answer's residual says otherwise, as with controlled sources, rows are exchanged.
    """

    name = "SuperLU"

    def _arranged(self, numbers: csr_array, rows: Indices, columns: Indices) -> csr_array:
        indptr = np.searchsorted(columns, np.arange(self.size + 1))
        self._matrix = csc_matrix((np.ones(len(rows)), rows, indptr), shape=(self.size, self.size))
        return numbers

    def _solve(self, numbers: Array, right: Array, transposed: bool) -> Array:
        found = np.empty(right.shape)
        for k, data in enumerate(np.ascontiguousarray(numbers.T)):
            self._matrix.data[:] = data
            found[k] = self._solved(right[k], transposed)
        return found

    def _solved(self, right: Array, transposed: bool) -> Array:
        matrix, way = (self._matrix.T, "T") if transposed else (self._matrix, "N")
        size = abs(matrix)
        for options in (UNCHANGED, EXCHANGED):
            try:
                found: Array = splu(self._matrix, **options).solve(right, way)
            except RuntimeError:
                continue
            if (np.abs(matrix @ found - right) <= RESIDUAL * (size @ np.abs(found) + np.abs(right)).max()).all():
                return found
        raise SimulationError(_singular(self.name))


def choose_matrices(left: csr_array, right: csr_array, symmetric: bool) -> Matrices:
    """The fastest kind for l and r, sparse (k, n) each; `symmetric` if they are the same."""
    size = left.shape[1]
    if size <= DENSE_SIZE[0 if symmetric else 1]:
        return DenseMatrices(left, right)
    return SymmetricMatrices(left, right) if symmetric else GeneralMatrices(left, right)


def _singular(name: str) -> str:
    return f"the circuit is singular to working precision ({name}): devices may be off, or conductances decades apart"
