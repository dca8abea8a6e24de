"""What of a network's edges enters K and its right-hand sides, and where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hwlearn.arrays import Indices


def upper_triangle(a: Indices, b: Indices, size: int) -> tuple[tuple[Indices, Indices], csr_array]:
    """K's upper triangle (n = `size`) for edges from free nodes a to b, −1 where a node is not free.

    Returns:
        Its pattern (indptr, indices) in CSC order, and the map (entries × E) from conductances to its numbers.
    """
    number = np.arange(len(a))
    inner = a != b  # an edge between merged nodes carries no unknown
    rows, columns, edge, sign = [], [], [], []
    for end in (a, b):
        diagonal = inner & (end >= 0)
        rows.append(end[diagonal])
        columns.append(end[diagonal])
        edge.append(number[diagonal])
        sign.append(np.ones(diagonal.sum()))
    both = inner & (a >= 0) & (b >= 0)
    rows.append(np.minimum(a, b)[both])
    columns.append(np.maximum(a, b)[both])
    edge.append(number[both])
    sign.append(-np.ones(both.sum()))
    row, column = np.concatenate(rows), np.concatenate(columns)
    key, entry = np.unique(column * max(size, 1) + row, return_inverse=True)
    indices, owner = key % max(size, 1), key // max(size, 1)
    indptr = np.searchsorted(owner, np.arange(size + 1))
    assembly = csr_array((np.concatenate(sign), (entry, np.concatenate(edge))), shape=(len(key), len(a)))
    return (indptr, indices), assembly


def edge_products(
    into: csr_array, raised: csr_array
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """All products of into (n, edges) and raised (edges, columns), as row, column, edge and value of each."""
    into, raised = into.tocoo(), raised.tocoo()
    order = np.argsort(into.col, kind="stable")
    first = np.searchsorted(into.col[order], np.arange(raised.shape[0] + 1))
    counts = np.diff(first)[raised.row]
    entry = order[np.repeat(first[raised.row], counts) + _within(counts)]
    column, edge = np.repeat(raised.col, counts).astype(np.intp), np.repeat(raised.row, counts).astype(np.intp)
    return into.row[entry].astype(np.intp), column, edge, into.data[entry] * np.repeat(raised.data, counts)


def _within(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """0 … count − 1 for each of `counts`, joined."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
