"""`Bounded`: a linear network whose free nodes ideal diodes hold above or below something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Indices
from hwlearn.errors import SimulationError

SWEEPS = 20
"""Semismooth Newton steps after which diodes are turned one by one, which always ends."""

MOST = 5000

AT_ONCE = 4e6
"""Numbers in the matrices of the samples that are solved together, which bounds the memory."""


class Bounded:
    """K x = f + i with lo ≤ x ≤ hi, where i pushes a node off a bound that it is at, and is zero elsewhere.

    That is the minimum of ½ xᵀKx − fᵀx within the bounds, and has one solution. Semismooth Newton: the nodes that a bound
    holds are known, the others solved for; a node beyond a bound is held next, one that is pulled the wrong way is let go. It
    has ended when no node changes, and is exact then to rounding. It may go round in circles; after `SWEEPS` the first node
    alone changes, which cannot (Murty 1974, least index).

    Free nodes without edges among them stand first and are eliminated: their part of K is diagonal.

    Args:
        matrix: K (n, n), positive definite.
        inner: how many nodes are eliminated (`without_edges`).
    """

    def __init__(self, matrix: NDArray[Any], inner: int) -> None:
        self._matrix, self._inner = matrix, inner
        self._inverse = 1 / matrix.diagonal()
        self._across, self._left = matrix[inner:, :inner], matrix[inner:, inner:]
        self._rounding = matrix.dtype.type(1e3 * np.finfo(matrix.dtype).eps)
        self._eye = np.eye(len(matrix) - inner, dtype=matrix.dtype)

    def loaded(self, conductance: float, nodes: Indices) -> Bounded:
        """The same with a resistor of a conductance [S] more at each of some nodes, to where its current comes from."""
        return Bounded(self._with(conductance, nodes), self._inner)

    def _with(self, conductance: float, nodes: Indices) -> NDArray[Any]:
        """K with a conductance [S] more at some nodes."""
        matrix = self._matrix.copy()
        np.add.at(matrix, (nodes, nodes), conductance)
        return matrix

    def residual(self, x: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
        """i = K x − f (S, n) A."""
        found: NDArray[Any] = x @ self._matrix - right
        return found

    def solve(
        self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any], always: Indices | None = None
    ) -> NDArray[Any]:
        """x (S, n) V for f (S, n) A and bounds (S, n) or (1, n) V; the nodes `always` are held at `lower`.

        Raises:
            SimulationError: a bound is above the other, or there is no end.
        """
        if (lower > upper).any():
            raise SimulationError("exact: ideal diodes hold a node above one voltage and below a lower one")
        outer = len(self._matrix) - self._inner
        count = max(1, int(AT_ONCE / max(1, outer * len(self._matrix))))
        if len(right) <= count:
            return self._settled(right, lower, upper, always, 0)
        found = np.empty_like(right)
        for start in range(0, len(right), count):
            part = slice(start, start + count)
            least, most = (bound if len(bound) == 1 else bound[part] for bound in (lower, upper))
            found[part] = self._settled(right[part], least, most, always, start)
        return found

    def _settled(
        self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any], always: Indices | None, first: int
    ) -> NDArray[Any]:
        """`solve` for samples that are counted from `first`."""
        left, found = np.arange(len(right)), None
        # What a node would be at while all others stay, 0 V at first; +1 where that is below its bounds, −1 where above.
        alone = right * self._inverse
        off = np.minimum(np.maximum(alone, lower), upper) - alone
        state = np.sign(off)
        if always is not None:
            state[:, always] = 1
        for sweep in range(MOST):
            held = state != 0
            fixed = np.where(held, np.where(state > 0, lower, upper), 0)
            x = self._at(right, held, fixed)
            alone = x + (right - x @ self._matrix) * self._inverse
            off = np.minimum(np.maximum(alone, lower), upper) - alone
            wanted = np.sign(off)
            if always is not None:
                wanted[:, always] = 1
            changed = wanted != state
            if changed.any():  # by more than rounding
                slack = self._rounding * np.abs(x).max(axis=1, initial=0.0, keepdims=True)
                changed &= np.abs(np.where(held, alone - fixed, off)) > slack
            if not changed.any():
                if found is None:
                    return x
                found[left] = x
                return found
            if found is None:
                found = np.empty_like(right)
            going = changed.any(axis=1)
            found[left[~going]] = x[~going]
            if sweep >= SWEEPS:
                least = changed.argmax(axis=1, keepdims=True)
                changed &= np.arange(changed.shape[1]) == least
            state = np.where(changed, wanted, state)[going]
            right, left = right[going], left[going]
            lower, upper = (bound if len(bound) == 1 else bound[going] for bound in (lower, upper))
        raise SimulationError(
            f"exact: which ideal diodes conduct was not found for sample {first + left[0]}; conductances may be decades apart"
        )

    def _at(self, right: NDArray[Any], held: NDArray[np.bool_], fixed: NDArray[Any]) -> NDArray[Any]:
        """x (S, n) with some nodes held at `fixed`."""
        inner, across = self._inner, self._across
        loose = ~held[:, :inner] * self._inverse[:inner]
        known = loose * right[:, :inner] + fixed[:, :inner]
        if inner == len(self._matrix):
            return known
        matrices = self._left - np.matmul(across * loose[:, None, :], across.T)
        sums, stopped = right[:, inner:] - known @ across.T, held[:, inner:]
        if stopped.any():
            matrices = np.where(stopped[:, :, None], self._eye, matrices)
            sums = np.where(stopped, fixed[:, inner:], sums)
        outer = np.linalg.solve(matrices, sums[:, :, None])[:, :, 0]
        known -= loose * (outer @ across)
        return np.concatenate((known, outer), axis=1)


def without_edges(size: int, one: Indices, two: Indices, first: Iterable[int]) -> Indices:
    """Nodes of n = `size` that have no edges among them, for edges from `one` to `two`; those of `first` are chosen first."""
    neighbours: list[list[int]] = [[] for _ in range(size)]
    for a, b in zip(one.tolist(), two.tolist(), strict=True):
        neighbours[a].append(b)
        neighbours[b].append(a)
    inner = np.zeros(size, dtype=bool)
    for node in dict.fromkeys((*first, *range(size))):
        inner[node] = not inner[neighbours[node]].any()
    return np.flatnonzero(inner)
