"""`Bounded`: a linear network whose free nodes ideal diodes hold above or below something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from hwlearn.arrays import Array, Indices
from hwlearn.circuits.kernels import solved
from hwlearn.errors import SimulationError

SWEEPS = 20
"""Semismooth Newton steps after which diodes are turned one by one, which always ends."""

MOST = 5000

ROUNDING = 1e3
"""Rounding errors of the largest voltage by which a node may be beyond what would change its state."""

AT_ONCE = 4e6
"""Numbers in the matrices of the samples that are solved together, which bounds the memory."""


class Pushes(NamedTuple):
    """Currents ≥ 0 [A] that diodes push into nodes at their lower bound (S, n), out of those at their upper one (S, n), and
    from anode to cathode of those between free nodes (S, k)."""

    up: NDArray[Any]
    down: NDArray[Any]
    across: NDArray[Any]


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
        self._shares = self._across * self._inverse[:inner]

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

    def pushes(self, x: NDArray[Any], right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]) -> Pushes:
        """What holds the solution x (S, n) V, to rounding."""
        del lower, upper
        push = self.residual(x, right)
        return Pushes(np.maximum(push, 0), np.maximum(-push, 0), np.empty((len(x), 0)))

    def around(self, x: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
        """(S, n) A: what flows at each node at all, of which the residual is what is left."""
        found: NDArray[Any] = np.abs(x) @ np.abs(self._matrix) + np.abs(right)
        return found

    def joined(self, groups: Indices, right: Array) -> Array:
        """x (n, k) V for f (n, k) A where nodes of one group (n,) have one voltage, those of group −1 have 0 V."""
        size, inside = int(groups.max(initial=-1)) + 1, np.flatnonzero(groups >= 0)
        spread = csr_array((np.ones(len(inside)), (inside, groups[inside])), shape=(len(groups), size))
        matrix = spread.T @ (spread.T @ self._matrix.astype(np.float64)).T
        return np.asarray(spread @ np.linalg.solve(matrix, spread.T @ right))

    def solve(
        self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any], always: Indices | None = None
    ) -> NDArray[Any]:
        """x (S, n) V for f (S, n) A and bounds (S, n) or (1, n) V, lower ≤ upper; the nodes `always` are held at `lower`.

        Raises:
            SimulationError: there is no end.
        """
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
        rest = right * self._inverse  # what each node would be at while all others are at 0 V
        state = _state(rest, np.minimum(np.maximum(rest, lower), upper), always)
        for sweep in range(MOST):
            held = np.isfinite(state)
            alone = self._alone(right, rest, held, state)
            within = np.minimum(np.maximum(alone, lower), upper)
            wanted = _state(alone, within, always)
            changed = wanted != state
            if not np.count_nonzero(changed):
                if found is None:
                    return within
                found[left] = within
                return found
            x = np.where(held, state, alone)
            slack = ROUNDING * np.finfo(x.dtype).eps * np.abs(x).max(axis=1, initial=0.0, keepdims=True)
            changed &= np.abs(alone - np.where(held, state, within)) > slack  # by more than rounding
            going = changed.any(axis=1)
            if found is None:
                found = np.empty_like(right)
            found[left[~going]] = x[~going]
            if not going.any():
                return found
            if sweep >= SWEEPS:
                least = changed.argmax(axis=1, keepdims=True)
                changed &= np.arange(changed.shape[1]) == least
            state = np.where(changed, wanted, state)[going]
            right, rest, left = right[going], rest[going], left[going]
            lower, upper = (bound if len(bound) == 1 else bound[going] for bound in (lower, upper))
        raise SimulationError(
            f"exact: which ideal diodes conduct was not found for sample {first + left[0]}; conductances may be decades apart"
        )

    def _alone(self, right: NDArray[Any], rest: NDArray[Any], held: NDArray[np.bool_], state: NDArray[Any]) -> NDArray[Any]:
        """What each node would be at, (S, n) V, while all others stay: where they are held, or where that leaves them."""
        inner, across, inverse = self._inner, self._across, self._inverse
        if inner == len(self._matrix):
            return rest
        within = held[:, :inner]
        known = np.where(within, state[:, :inner], rest[:, :inner])
        loose = np.where(within, 0, inverse[:inner])
        matrices = self._left - np.matmul(across * loose[:, None, :], across.T)
        sums, stopped = right[:, inner:] - known @ across.T, held[:, inner:]
        edged = np.count_nonzero(stopped) > 0
        if edged:
            matrices = np.where(stopped[:, :, None], np.eye(len(self._left), dtype=right.dtype), matrices)
            sums = np.where(stopped, state[:, inner:], sums)
        outer = solved(matrices, sums)
        alone = np.empty_like(rest)
        np.subtract(rest[:, :inner], outer @ self._shares, out=alone[:, :inner])
        alone[:, inner:] = outer
        if edged:
            x = np.where(held, state, alone)
            alone[:, inner:] += np.where(stopped, (right - x @ self._matrix)[:, inner:] * inverse[inner:], 0)
        return alone


def _state(alone: NDArray[Any], within: NDArray[Any], always: Indices | None) -> NDArray[Any]:
    """The bound (S, n) V that holds a node, ∞ for none: `alone` is where it would be, `within` the nearest between bounds."""
    state = np.where(alone == within, np.inf, within)
    if always is not None:
        state[:, always] = within[:, always]
    return state


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
