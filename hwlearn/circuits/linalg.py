"""One Cholesky interface over dense LAPACK, qdldl and CHOLMOD; the pattern is analysed once, then only numbers change."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.linalg.blas import ddot, sdot
from scipy.sparse import csc_array, csc_matrix, csr_array

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.kernels import csr_matvec, csr_matvecs
from hwlearn.errors import SimulationError

Vector = NDArray[np.float64]

COUNTED_SIZE = 4000
"""Above this size CHOLMOD is taken without counting the fill: it wins there on every graph that was measured."""


def is_finite(array: Array) -> bool:
    """True if all of a float array is finite (and its square sum too, so below 1e154): one pass, no temporary."""
    return math.isfinite(square_sum(array))


def square_sum(array: Array) -> float:
    """Σ of the squares of a float array; BLAS without numpy's dispatch."""
    if not array.size:
        return 0.0
    flat = array.reshape(-1)
    square: float = sdot(flat, flat) if flat.dtype.char == "f" else ddot(flat, flat)
    return square


class SparseMap:
    """A x + c for a fixed sparse A (m, n).

    It is scipy's kernel without scipy's dispatch, which takes longer than the product in small circuits.
    """

    def __init__(self, matrix: csr_array) -> None:
        index = np.int32 if max(*matrix.shape, matrix.nnz) < 2**31 else np.int64
        self._size = matrix.shape
        self._matrix = matrix.indptr.astype(index), matrix.indices.astype(index), matrix.data
        self._add = partial(csr_matvec, *self._size, *self._matrix)  # y += A x

    def of(self, x: Vector, constant: Vector) -> Vector:
        """(m,) for x (n,) and c (m,); new memory."""
        y = constant.copy()
        self._add(x, y)
        return y

    def of_rows(self, x: Vector, constants: Vector | None) -> Vector:
        """(k, m) for rows x (k, n) and c (k, m), zero if not given; new memory."""
        y = np.zeros((len(x), self._size[0])) if constants is None else constants.copy()
        if len(x) == 1:
            self._add(x[0], y[0])
            return y
        for k in range(len(x)):
            self._add(x[k], y[k])
        return y

    def of_columns(self, x: Vector, constants: Vector | None = None) -> Vector:
        """(m, k) for columns x (n, k) in C order and c (m, 1) or (m, k), zero if not given; new memory."""
        y = np.zeros((self._size[0], x.shape[1]))
        if constants is not None:
            y[:] = constants
        csr_matvecs(*self._size, x.shape[1], *self._matrix, x.reshape(-1), y.reshape(-1))
        return y


class Cholesky(ABC):
    """Factor of a symmetric positive definite matrix with a fixed sparsity pattern.

    The pattern is that of the upper triangle in CSC order (`indptr`, `indices`), diagonal included. `factor(data)` takes the
    numbers in this order. Right-hand sides and solutions are rows.

    Raises:
        SimulationError: the matrix is not positive definite to working precision.
    """

    name: str
    together: bool = False  # all right-hand sides of a step are better solved at once
    residual: Vector | None = None  # (k, n), what the last solution leaves of `right`; None if it is exact to rounding

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        self.size = size

    @abstractmethod
    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        """Numeric factorisation. `conductances` (E,) S are those that made `data`, for a solver that can use them."""

    def renew(self, data: Vector, conductances: Vector | None = None) -> None:
        """`factor`, by a solver that keeps no older factor."""
        self.factor(data, conductances)

    @abstractmethod
    def solve(self, right: Vector) -> Vector:
        """(k, n): the solutions of K x = r with the last factor for each row r of `right` (k, n), in C order; new memory."""


class DenseCholesky(Cholesky):
    """LAPACK potrf and potrs."""

    name = "LAPACK"

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        super().__init__(size, indptr, indices)
        columns = np.repeat(np.arange(size), np.diff(indptr))
        self._at = columns * size + indices
        self._matrix = np.zeros((size, size), order="F")
        self._flat = self._matrix.reshape(-1, order="F")
        self._factor = self._matrix

    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        self._flat[self._at] = data
        self._factor, info = lapack.dpotrf(self._matrix, lower=0, clean=0, overwrite_a=0)
        if info:
            raise SimulationError(_not_definite(self.name))

    def solve(self, right: Vector) -> Vector:
        return np.asarray(lapack.dpotrs(self._factor, right.T, lower=0)[0].T)


class QdldlCholesky(Cholesky):
    """qdldl, an LDLᵀ with a light start-up: fastest for small and sparse systems."""

    name = "qdldl"

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        import qdldl

        super().__init__(size, indptr, indices)
        self._matrix = csc_matrix(_dominant(size, indptr, indices))
        self._solver = qdldl.Solver(self._matrix, upper=True)

    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        self._matrix.data = data
        self._solver.update(self._matrix, True)  # by place: a third of a microsecond less than by name

    def solve(self, right: Vector) -> Vector:
        solve = self._solver.solve
        if len(right) == 1:
            solution: Vector = solve(right[0])
            return solution.reshape(1, -1)
        return np.array([solve(row) for row in right]).reshape(right.shape)

    def cost(self) -> tuple[int, float]:
        """(entries of the factor, Σ column counts²): the fill, and the work of a factorisation."""
        counts = np.diff(self._solver.factors()[0].indptr).astype(float)
        return int(counts.sum()), float((counts**2).sum())


class Cholmod(Cholesky):
    """CHOLMOD's supernodal factor, from cvxopt: fastest for large systems and for much fill."""

    name = "CHOLMOD"

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        from cvxopt import cholmod, matrix, spmatrix

        super().__init__(size, indptr, indices)
        self._cholmod, self._dense = cholmod, matrix
        position = csc_array((np.arange(1.0, len(indices) + 1), indices, indptr), shape=(size, size))
        lower = position.T.tocsc()
        lower.sort_indices()
        self._order = lower.data.astype(np.intp) - 1
        columns = np.repeat(np.arange(size), np.diff(lower.indptr))
        values = _dominant(size, indptr, indices).data[self._order]
        self._matrix: Any = spmatrix(matrix(values), matrix(_long(lower.indices)), matrix(_long(columns)), (size, size))
        self._factor: Any = cholmod.symbolic(self._matrix)

    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        self._matrix.V = self._dense(data[self._order])
        try:
            self._cholmod.numeric(self._matrix, self._factor)
        except ArithmeticError as error:
            raise SimulationError(_not_definite(self.name)) from error

    def solve(self, right: Vector) -> Vector:
        result = self._dense(right.T)
        self._cholmod.solve(self._factor, result)
        return np.asarray(result).T


class Diagonal(Cholesky):
    """Division: no edge joins two free nodes, as in a crossbar. Of no unknowns, if the sources fix every node."""

    name = "diagonal"

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        super().__init__(size, indptr, indices)
        self._numbers = np.ones(size)

    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        self._numbers = data

    def solve(self, right: Vector) -> Vector:
        return right / self._numbers


def choose_cholesky(size: int, indptr: Indices, indices: Indices) -> Cholesky:
    """The fastest solver for a pattern, by size and fill; the choice is the same on every machine.

    The costs [ms, one factorisation and three solves, one thread] were fitted to `bench/solvers.py`.
    """
    if len(indices) == size:
        return Diagonal(size, indptr, indices)
    if size > COUNTED_SIZE:
        return Cholmod(size, indptr, indices)
    sparse = QdldlCholesky(size, indptr, indices)
    entries, work = sparse.cost()
    cost: dict[Callable[[int, Indices, Indices], Cholesky], float] = {
        QdldlCholesky: 4.2e-3 + 4.6e-6 * size + 8.5e-6 * entries + 2.4e-7 * work,
        Cholmod: 2.8e-3 + 2.3e-4 * size + 5.5e-6 * entries + 8e-8 * work,
        DenseCholesky: 1.3e-3 + 5.8e-5 * size + 2e-6 * size**2 + 1.02e-8 * size**3,
    }
    best = min(cost, key=lambda kind: cost[kind])
    return sparse if best is QdldlCholesky else best(size, indptr, indices)


def _dominant(size: int, indptr: Indices, indices: Indices) -> csc_array:
    """A positive definite matrix of the pattern, for the analysis."""
    columns = np.repeat(np.arange(size), np.diff(indptr))
    data = np.where(indices == columns, 1.0, 0.0)
    data[indices != columns] = -0.25 / size
    return csc_array((data, indices, indptr), shape=(size, size))


def _long(values: Indices) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _not_definite(name: str) -> str:
    return f"the circuit is singular to working precision ({name}): conductances differ by too many decades; narrow the bounds"
