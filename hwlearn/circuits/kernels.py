"""Products of sparse matrices that add to what is there, and solutions of many small systems.

By scipy's and numpy's own kernels: what is public takes longer than the work itself in small circuits. Where there are no such
kernels, by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from hwlearn.arrays import Array, Indices


def added_product(rows: int, columns: int, indptr: Indices, indices: Indices, data: Array, x: Array, y: Array) -> None:
    """y += A x, for x (columns,) and y (rows,)."""
    y += csr_array((data, indices, indptr), shape=(rows, columns)) @ x


def added_products(
    rows: int, columns: int, count: int, indptr: Indices, indices: Indices, data: Array, x: Array, y: Array
) -> None:
    """Y += A X, for X (columns, count) and Y (rows, count), both given flat."""
    y += (csr_array((data, indices, indptr), shape=(rows, columns)) @ x.reshape(columns, count)).reshape(-1)


def added_column_products(
    rows: int, columns: int, count: int, indptr: Indices, indices: Indices, data: Array, x: Array, y: Array
) -> None:
    """Y += A X of A in CSC, for X (columns, count) and Y (rows, count), both given flat."""
    y += (csc_array((data, indices, indptr), shape=(rows, columns)) @ x.reshape(columns, count)).reshape(-1)


try:
    from scipy.sparse import _sparsetools

    csr_matvec, csr_matvecs, csc_matvecs = _sparsetools.csr_matvec, _sparsetools.csr_matvecs, _sparsetools.csc_matvecs
except (ImportError, AttributeError):
    csr_matvec, csr_matvecs, csc_matvecs = added_product, added_products, added_column_products


def solved_publicly(matrices: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """M⁻¹ r for M (S, n, n) and r (S, n), by numpy's solve; NaN for all where one M is singular."""
    try:
        return np.linalg.solve(matrices, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)


def solved(matrices: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """M⁻¹ r for M (S, n, n) and r (S, n), by LAPACK's gesv; NaN for a sample whose M is singular."""
    with np.errstate(invalid="ignore"):
        found: NDArray[Any] = _solve(matrices, right)
    return found


_solve: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
try:
    from numpy.linalg._umath_linalg import solve1 as _solve
except (ImportError, AttributeError):
    _solve = solved_publicly
