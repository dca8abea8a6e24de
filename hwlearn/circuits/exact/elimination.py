"""LDLᵀ of many small matrices of one pattern at once."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Indices
from hwlearn.circuits.linalg import Vector


class Elimination:
    """K = L D Lᵀ for M symmetric positive definite matrices of one sparsity pattern, the members on the last axis.

    Every step of Gaussian elimination is done for all members by one numpy operation, so that its overhead is shared. The
    pattern is that of the upper triangle in CSC order, diagonal included; unknowns are eliminated by least degree.
    """

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        self.size = size
        columns = np.repeat(np.arange(size), np.diff(indptr))
        neighbours: list[set[int]] = [set() for _ in range(size)]
        for row, column in zip(indices.tolist(), columns.tolist(), strict=True):
            if row != column:
                neighbours[row].add(column)
                neighbours[column].add(row)
        # Places of the factor's entries: the diagonal first, then column after column in the order of elimination.
        place = {(j, j): j for j in range(size)}
        order: list[tuple[int, list[int]]] = []
        left = set(range(size))
        while left:
            j = min(left, key=lambda k: (len(neighbours[k]), k))
            left.remove(j)
            order.append((j, sorted(neighbours[j])))
            for i in order[-1][1]:
                neighbours[i] |= neighbours[j]
                neighbours[i] -= {i, j}
                place[i, j] = place[j, i] = size + (len(place) - size) // 2
        self._count = size + (len(place) - size) // 2
        self._entries = np.array([place[i, j] for i, j in zip(indices.tolist(), columns.tolist(), strict=True)], dtype=np.intp)
        self._steps = []
        for j, below in order:
            start = place[below[0], j] if below else 0
            pairs = [(a, b) for a in range(len(below)) for b in range(a + 1)]
            one, two = (np.array([pair[k] for pair in pairs], dtype=np.intp) for k in (0, 1))
            target = np.array([place[below[a], below[b]] for a, b in pairs], dtype=np.intp)
            self._steps.append((j, np.array(below, dtype=np.intp), slice(start, start + len(below)), one, two, target))

    def factor(self, data: Vector) -> None:
        """Factor the matrices with numbers `data` (entries, M)."""
        self._work = work = np.zeros((self._count, data.shape[1]))
        work[self._entries] = data
        for j, below, column, one, two, target in self._steps:
            if len(below):
                scaled = work[column] / work[j]
                work[target] -= scaled.take(one, axis=0) * work[column].take(two, axis=0)
                work[column] = scaled

    def solve(self, right: Vector) -> Vector:
        """Solutions for `right` (n, k, M), in its place."""
        work = self._work
        for j, below, column, *_ in self._steps:
            if len(below):
                right[below] -= work[column, None] * right[j]
        right /= work[: self.size, None]
        for j, below, column, *_ in reversed(self._steps):
            if len(below):
                right[j] -= np.einsum("im,ikm->km", work[column], right.take(below, axis=0))
        return right


class LaplacianElimination(Elimination):
    """An elimination without subtractions, for a K that is made of conductances.

    After Grassmann, Taksar and Heyman 1985; Alfa, Xue and Ye 2002. Eliminating a node leaves a network without it, a star
    turned into a mesh: its conductances are sums of products. So each pivot is summed anew from what is left at the node, and
    each entry of the factor is right to rounding relative to itself, however many decades the conductances span.
    """

    def __init__(self, size: int, indptr: Indices, indices: Indices) -> None:
        super().__init__(size, indptr, indices)
        between = [(one != two) for *_, one, two, _ in self._steps]
        self._steps = [
            (j, below, column, one[apart], two[apart], target[apart])
            for (j, below, column, one, two, target), apart in zip(self._steps, between, strict=True)
        ]

    def factor(self, data: Vector, grounded: Vector | None = None) -> None:
        """Factor the matrices with numbers `data` (entries, M); its diagonals are not read.

        Args:
            grounded: (n, M) S, the conductances from each node to ground and sources: what K's rows sum to.
        """
        assert grounded is not None
        self._work = work = np.zeros((self._count, data.shape[1]))
        work[self._entries] = data
        work[: self.size] = grounded
        for j, below, column, one, two, target in self._steps:
            if len(below):
                left = work[column]
                pivot = work[j] - left.sum(axis=0)
                scaled = left / pivot
                work[target] -= scaled.take(one, axis=0) * left.take(two, axis=0)
                work[below] -= scaled * work[j]
                work[j], work[column] = pivot, scaled
