"""`Coupled`: a linear network with ideal diodes between free nodes too, not only from or to driven ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Indices
from hwlearn.circuits.newton.complementarity import Bounded, Pushes
from hwlearn.errors import SimulationError

SOFT = 10.0
"""Rounding errors of M's largest number that are added to its diagonal, so that loops of diodes are solved."""


class Dual(NamedTuple):
    """The dual problem, solved: C (k, n), d (S, k), x₀ (S, n), C K⁻¹ (k, n), λ (S, k); nodes of the bounds among its rows."""

    rows: NDArray[Any]
    limits: NDArray[Any]
    alone: NDArray[Any]
    spread: NDArray[Any]
    flows: NDArray[Any]
    below: Indices
    above: Indices


class Coupled(Bounded):
    """K x = f − Cᵀλ, C x ≤ d, λ ≥ 0, and λ = 0 where C x < d: a diode from a to b is a row x_a − x_b ≤ 0, a bound is one too.

    With x₀ = K⁻¹f, what no diode would change, λ is the least of ½ λᵀMλ − λᵀ(C x₀ − d) with λ ≥ 0 and M = C K⁻¹Cᵀ (the dual
    problem), whose bounds `Bounded` knows, and x = x₀ − K⁻¹Cᵀλ. Where diodes form loops M is singular: what flows in each is
    not known then, but the voltages are.

    Args:
        matrix, inner: as in `Bounded`.
        pairs: (k, 2), anode and cathode of each diode between free nodes.
    """

    def __init__(self, matrix: NDArray[Any], inner: int, pairs: Indices) -> None:
        super().__init__(matrix, inner)
        self._pairs = pairs
        self._solved = np.linalg.inv(matrix)

    def loaded(self, conductance: float, nodes: Indices) -> Coupled:
        return Coupled(self._with(conductance, nodes), self._inner, self._pairs)

    def pushes(self, x: NDArray[Any], right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]) -> Pushes:
        dual = self._dual(right, lower, upper)
        found = Pushes(np.zeros_like(x), np.zeros_like(x), dual.flows[:, : len(self._pairs)])
        between, low = len(self._pairs), len(dual.below)
        found.up[:, dual.below], found.down[:, dual.above] = np.split(dual.flows[:, between:], [low], axis=1)
        return found

    def solve(
        self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any], always: Indices | None = None
    ) -> NDArray[Any]:
        dual = self._dual(right, lower, upper)
        found: NDArray[Any] = dual.alone - dual.flows @ dual.spread
        beyond = (found @ dual.rows.T - dual.limits).max(axis=1, initial=0.0)
        volts = max(float(np.abs(part).max(initial=0.0)) for part in (dual.limits, dual.alone, found))
        if not (beyond <= np.sqrt(np.finfo(right.dtype).eps) * volts).all():
            raise SimulationError(
                f"exact: sample {int(beyond.argmax())}: ideal diodes hold nodes above one voltage and below a lower one, or "
                "conductances are decades apart"
            )
        return found

    def _dual(self, right: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]) -> Dual:
        below, above = (np.flatnonzero(np.isfinite(bound).any(axis=0)) for bound in (lower, upper))
        size, kind = len(self._matrix), right.dtype
        rows = np.zeros((len(self._pairs) + len(below) + len(above), size), dtype=kind)
        count = np.arange(len(rows))
        ends = np.split(count, [len(self._pairs), len(self._pairs) + len(below)])
        rows[ends[0], self._pairs[:, 0]], rows[ends[0], self._pairs[:, 1]] = 1, -1
        rows[ends[1], below], rows[ends[2], above] = -1, 1
        limits = np.zeros((len(right), len(rows)), dtype=kind)
        limits[:, ends[1]], limits[:, ends[2]] = -lower[:, below], upper[:, above]
        alone = right @ self._solved
        spread = rows @ self._solved
        matrix = spread @ rows.T
        matrix[count, count] += SOFT * np.finfo(kind).eps * matrix.diagonal().max(initial=0.0)
        bound = np.zeros((1, len(rows)), dtype=kind)
        flows = Bounded(matrix, 0).solve(alone @ rows.T - limits, bound, np.full_like(bound, np.inf))
        return Dual(rows, limits, alone, spread, flows, below, above)
