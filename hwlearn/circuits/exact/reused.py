"""Conjugate gradients with an old factor as preconditioner, for graphs whose factors fill in (random graphs, expanders)."""

from __future__ import annotations

from functools import cached_property
from time import thread_time

import numpy as np
from scipy.sparse import csr_array

from hwlearn.arrays import Indices
from hwlearn.circuits.linalg import Cholesky, Vector

TOLERANCE = 5e-9
"""Error of a solution x in the energy norm √(xᵀ K x), relative to x."""

WORTHWHILE = 8.0
"""A factor that costs fewer times the solutions of a step than this is made anew each time."""

SMALLEST = 500
"""Size below which no factor costs that, on any graph that was measured."""

MOST = 30
"""Iterations after which a factor is given up."""

DRIFT = 1e-14
"""How far a residual may be from the one that the iterations carry along, relative to |K| |x| + |b| at its node."""


class ReusedFactor(Cholesky):
    """A Cholesky whose factor is kept while K changes little, as it does from one step of learning to the next.

    While a factorisation costs `WORTHWHILE` times the solutions of a step or more, the last factor preconditions conjugate
    gradients, which start where the last two solutions point to. It is made anew once a step costs more than the steps since
    the last factorisation did on average, that one included: the mean cost is then least, if costs grow.

    A solution is trusted by two bounds. With M the matrix that was factored, K ≥ min(g / g_M) M as quadratic forms, for both
    are sums over the edges of g (x_tail − x_head)². So an error is at most 1/√min(g / g_M) larger than M tells. And the
    residual is computed anew at the end: one that the iterations lost in rounding is refused, and K is factored.

    Attributes:
        residual: (k, n), what the last solution leaves of its right-hand sides, or None after a fresh factorisation.
        factorisations, iterations: how many there were.
    """

    def __init__(self, exact: Cholesky, indptr: Indices, indices: Indices) -> None:
        super().__init__(exact.size, indptr, indices)
        self.name = exact.name
        self.factorisations = self.iterations = 0
        self._exact = exact
        self._pattern = indptr, indices
        self._data = self._conductances = np.empty(0)
        self._factored: Vector | None = None  # the conductances of the factor
        self._stale = self._spoiled = False
        self._factor_cost = self._solve_cost = 0.0  # seconds, of the last factorisation and all solutions with it at once
        self._spent, self._steps = 0.0, 0  # since the last factorisation, that one included
        self._last: dict[int, tuple[Vector, ...]] = {}  # by number of rows: the last two solutions, where the next starts

    def factor(self, data: Vector, conductances: Vector | None = None) -> None:
        self.together = self._factor_cost > WORTHWHILE * self._solve_cost
        if conductances is not None and self._factored is not None and not self._spoiled and self.together:
            self._data, self._conductances, self._stale = data, conductances, True
            return
        start = thread_time()
        self._exact.factor(data)
        self._factor_cost, self._solve_cost = thread_time() - start, 0.0
        self._spent, self._steps = self._factor_cost, 0
        self._stale = self._spoiled = False
        self._factored = conductances
        self.factorisations += 1

    def renew(self, data: Vector, conductances: Vector | None = None) -> None:
        self._spoiled = True
        self.factor(data, conductances)

    def solve(self, right: Vector) -> Vector:
        start = thread_time()
        out = self._iterate(right) if self._stale else None
        if out is None:
            if self._stale:
                self._spoiled = True
                self.factor(self._data, self._conductances)
                start = thread_time()
            out = self._exact.solve(right)
            self.residual = None
            self._solve_cost += thread_time() - start
        cost = thread_time() - start
        self._spent, self._steps = self._spent + cost, self._steps + 1
        self._spoiled = self._stale and cost > self._spent / self._steps
        self._last = {**self._last, len(out): (*self._last.get(len(out), ())[-1:], out)} if self.together else {}
        return out

    def _iterate(self, right: Vector) -> Vector | None:
        """Conjugate gradients on all rows at once; None if they do not converge."""
        matrix, source = self._whole
        matrix.data = self._data[source]
        known = self._last.get(len(right), ())
        x = 2 * known[1] - known[0] if len(known) == 2 else known[0] if known else np.zeros_like(right)
        rest = right - self._times(x)
        direction, slope = np.zeros_like(rest), np.zeros(len(rest))
        assert self._factored is not None
        least = (self._conductances / self._factored).min(initial=1.0)  # no eigenvalue of M⁻¹K is below
        for _ in range(MOST):
            z = self._exact.solve(rest)
            self.iterations += 1
            before, slope = slope, _dots(rest, z)  # the error's squared energy norm, as far as the old factor can tell
            wrong = ~(slope <= TOLERANCE**2 * least * _dots(x + z, right))
            if not wrong.any():
                return self._confirmed(x + z, right, rest - self._times(z))
            direction = z + _ratio(slope, before)[:, None] * direction
            image = self._times(direction)
            length = np.where(wrong, _ratio(slope, _dots(direction, image)), 0.0)[:, None]
            x = x + length * direction
            rest -= length * image
        return None

    def _confirmed(self, x: Vector, right: Vector, carried: Vector) -> Vector | None:
        """x if its residual is the one that was carried along, else None."""
        matrix, _ = self._whole
        self.residual = right - self._times(x)
        flows = np.ascontiguousarray((abs(matrix) @ np.abs(x).T).T) + np.abs(right)
        return x if (np.abs(self.residual - carried) <= DRIFT * flows).all() else None

    @cached_property
    def _whole(self) -> tuple[csr_array, Indices]:
        """K whole, and which entry of the upper triangle each of its numbers is."""
        indptr, indices = self._pattern
        rows, columns = np.asarray(indices), np.repeat(np.arange(self.size), np.diff(indptr))
        number, off = np.arange(len(rows)), np.flatnonzero(rows != columns)
        ends = (np.r_[rows, columns[off]], np.r_[columns, rows[off]])
        matrix = csr_array((np.r_[number, number[off]] + 1.0, ends), shape=(self.size, self.size))
        return matrix, matrix.data.astype(np.intp) - 1

    def _times(self, rows: Vector) -> Vector:
        return np.ascontiguousarray((self._whole[0] @ rows.T).T)


def _dots(one: Vector, two: Vector) -> Vector:
    return np.einsum("kn,kn->k", one, two)


def _ratio(one: Vector, two: Vector) -> Vector:
    """one / two, 0 where two is 0."""
    return np.divide(one, two, out=np.zeros_like(one), where=two > 0)
