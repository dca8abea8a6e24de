"""Products of sparse matrices that add to what is there.

By scipy's own kernels: its public product takes longer than the work itself in small circuits. Where a scipy has no such
kernels, by that product.
"""

from __future__ import annotations

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
