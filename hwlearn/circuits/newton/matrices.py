"""Newton's matrices of all samples, K = Σ_k s_k l_k r_kᵀ: assembled from slopes s, and solved with dense or sparse factors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import coo_array, csc_array, csc_matrix, csr_array
from scipy.sparse.linalg import splu

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.linalg import SparseMap, choose_cholesky
from hwlearn.errors import SimulationError

DENSE_SIZE = 20, 100
"""Largest symmetric and other matrices that are faster as dense ones, all samples in one call, than qdldl's and SuperLU's."""


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
        self._entries = len(rows)

    @property
    def numbers(self) -> int:
        """How many numbers the matrix of a sample takes."""
        return self._entries

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

    @property
    def numbers(self) -> int:
        return self.size**2

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
    """SuperLU, sample by sample, without exchange of rows: columns whose diagonals dominate need none."""

    name = "SuperLU"
    options: ClassVar[dict[str, Any]] = {
        "permc_spec": "MMD_AT_PLUS_A",
        "diag_pivot_thresh": 0.0,
        "options": {"SymmetricMode": True},
    }

    def _arranged(self, numbers: csr_array, rows: Indices, columns: Indices) -> csr_array:
        indptr = np.searchsorted(columns, np.arange(self.size + 1))
        self._matrix = csc_matrix((np.ones(len(rows)), rows, indptr), shape=(self.size, self.size))
        return numbers

    def _solve(self, numbers: Array, right: Array, transposed: bool) -> Array:
        found = np.empty(right.shape)
        for k, data in enumerate(np.ascontiguousarray(numbers.T)):
            self._matrix.data[:] = data
            try:
                found[k] = splu(self._matrix, **self.options).solve(right[k], "T" if transposed else "N")
            except RuntimeError:
                raise SimulationError(_singular(self.name)) from None
        return found


class PivotedMatrices(GeneralMatrices):
    """SuperLU with exchange of rows, where diagonals need not dominate, as with controlled sources."""

    options: ClassVar[dict[str, Any]] = {"permc_spec": "COLAMD", "diag_pivot_thresh": 1.0}


def choose_matrices(left: csr_array, right: csr_array, symmetric: bool, dominated: bool = True) -> Matrices:
    """The fastest kind for l and r, sparse (k, n) each.

    Args:
        symmetric: l and r are the same.
        dominated: diagonals dominate their columns.
    """
    size = left.shape[1]
    if size <= DENSE_SIZE[0 if symmetric else 1]:
        return DenseMatrices(left, right)
    if symmetric:
        return SymmetricMatrices(left, right)
    return GeneralMatrices(left, right) if dominated else PivotedMatrices(left, right)


def _singular(name: str) -> str:
    return f"the circuit is singular to working precision ({name}): devices may be off, or conductances decades apart"
