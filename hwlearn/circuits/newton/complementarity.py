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


class Bounded:
    """K x = f + i with lo ≤ x ≤ hi, where i pushes a node off a bound that it is at, and is zero elsewhere.

    That is the minimum of ½ xᵀKx − fᵀx within the bounds, and has one solution. Semismooth Newton: the nodes that a bound
    holds are known, the others solved for; a node beyond a bound is held next, one that is pulled the wrong way is let go. It
    has ended when no node changes, and is exact then to rounding. It may go round in circles; after `SWEEPS` the first node
    alone changes, which cannot (Murty 1974, least index).

    Free nodes without edges among them are eliminated first: their part of K is diagonal.

    Args:
        matrix: K (n, n), positive definite.
        inner: nodes that are eliminated first (`without_edges`).
    """

    def __init__(self, matrix: NDArray[Any], inner: Indices) -> None:
        self._matrix = matrix
        self._inner, self._rest = inner, np.setdiff1d(np.arange(len(matrix)), inner)
        self._total = np.diag(matrix)[self._inner].copy()
        self._across = np.ascontiguousarray(matrix[np.ix_(self._rest, self._inner)])
        self._left = np.ascontiguousarray(matrix[np.ix_(self._rest, self._rest)])
        self._rounding = 1e3 * np.finfo(matrix.dtype).eps

    def residual(self, x: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
        """i = K x − f (S, n) A."""
        found: NDArray[Any] = x @ self._matrix - right
        return found

    def solve(
        self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any], always: Indices | None = None
    ) -> NDArray[Any]:
        """x (S, n) V for f (S, n) A and bounds (S, n) V; the nodes `always` are held at `lower`.

        Raises:
            SimulationError: a bound is above the other, or there is no end.
        """
        if (lower > upper).any():
            raise SimulationError("exact: ideal diodes hold a node above one voltage and below a lower one")
        found = np.empty_like(right)
        left = np.arange(len(right))
        # +1 at the lower bound, −1 at the upper one.
        guess = right / np.diag(self._matrix)
        state = np.where(guess < lower, 1, 0) - np.where(guess > upper, 1, 0)
        if always is not None:
            state[:, always] = 1
        for sweep in range(MOST):
            held = state != 0
            fixed = np.where(state > 0, lower, np.where(state < 0, upper, 0)).astype(right.dtype)
            x = self._at(right, held, fixed)
            push = x @ self._matrix - right
            size = np.abs(x).max(axis=1, initial=0.0, keepdims=True)
            slack, pull = self._rounding * size, self._rounding * size * np.diag(self._matrix)
            wanted = np.where(
                held,
                np.where(state * push < -pull, 0, state),
                np.where(x < lower - slack, 1, np.where(x > upper + slack, -1, 0)),
            )
            if always is not None:
                wanted[:, always] = 1
            changed = wanted != state
            going = changed.any(axis=1)
            if not going.all():
                found[left[~going]] = x[~going]
                if not going.any():
                    return found
            if sweep >= SWEEPS:
                first = changed.argmax(axis=1)
                alone = state.copy()
                every = np.arange(len(state))
                alone[every, first] = wanted[every, first]
                wanted = alone
            state = wanted[going]
            right, lower, upper, left = right[going], lower[going], upper[going], left[going]
        raise SimulationError(
            f"exact: which ideal diodes conduct was not found for sample {left[0]}; conductances may be decades apart"
        )

    def _at(self, right: NDArray[Any], held: NDArray[np.bool_], fixed: NDArray[Any]) -> NDArray[Any]:
        """x (S, n) with some nodes held at `fixed`."""
        inner, rest, across = self._inner, self._rest, self._across
        loose = np.where(held[:, inner], 0, 1 / self._total).astype(right.dtype)
        known = loose * right[:, inner] + fixed[:, inner]
        x = np.empty_like(right)
        if len(rest):
            matrices = self._left - np.matmul(across * loose[:, None, :], across.T)
            sums = right[:, rest] - known @ across.T
            stopped = held[:, rest]
            if stopped.any():
                matrices = np.where(stopped[:, :, None], np.eye(len(rest), dtype=right.dtype), matrices)
                sums = np.where(stopped, fixed[:, rest], sums)
            outer = np.linalg.solve(matrices, sums[:, :, None])[:, :, 0]
            x[:, rest] = outer
            known = known - loose * (outer @ across)
        x[:, inner] = known
        return x


def without_edges(size: int, one: Indices, two: Indices, first: Iterable[int]) -> Indices:
    """Nodes of n = `size` that have no edges among them, for edges from `one` to `two`; those of `first` are chosen first."""
    tied = np.zeros((size, size), dtype=bool)
    tied[one, two] = tied[two, one] = True
    inner = np.zeros(size, dtype=bool)
    for node in dict.fromkeys((*first, *range(size))):
        inner[node] = not (tied[node] & inner).any()
    return np.flatnonzero(inner)
