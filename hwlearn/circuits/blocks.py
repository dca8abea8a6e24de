"""`DenseBlock`: the edges between driven and free nodes as a dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Indices


class DenseBlock:
    """A (rows, columns), the sum of the conductances between a driven node (row) and a free one (column).

    Where a layer is all connected, with its edges side by side in the order of the matrix, the matrix is a view of the
    conductances, and their gradient one of the products: no number is moved.

    Args:
        edges: positions of the edges. rows, columns: of each in the matrix.
        shape: of the matrix.
        dtype: of the matrix.
    """

    def __init__(self, edges: Indices, rows: Indices, columns: Indices, shape: tuple[int, int], dtype: Any) -> None:
        self.shape, self._dtype = shape, dtype
        at = rows * shape[1] + columns
        self._edges = consecutive(edges)
        self._complete = isinstance(self._edges, slice) and np.array_equal(at, np.arange(shape[0] * shape[1]))
        self._at = at
        self._alone = len(np.unique(at)) == len(at)

    def of(self, conductances: NDArray[np.floating]) -> NDArray[Any]:
        """A [S] at conductances (E,) S: theirs, not to be written to, where nothing has to be moved or rounded."""
        if self._complete:
            return conductances[self._edges].astype(self._dtype, copy=False).reshape(self.shape)
        matrix = np.zeros(self.shape, dtype=self._dtype)
        if self._alone:
            matrix.reshape(-1)[self._at] = conductances[self._edges]
        else:
            np.add.at(matrix.reshape(-1), self._at, conductances[self._edges])
        return matrix

    def write_product(self, one: NDArray[Any], two: NDArray[Any], edges: NDArray[Any]) -> None:
        """Write to (E,) what the product of (rows, k) and (k, columns) says of each edge."""
        if self._complete:
            np.matmul(one, two, out=edges[self._edges].reshape(self.shape))
        else:
            edges[self._edges] = (one @ two).reshape(-1)[self._at]


def consecutive(positions: Indices) -> Indices | slice:
    """The positions, as a slice where they are consecutive: a view instead of a gather."""
    if len(positions) and (np.diff(positions) == 1).all():
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions
