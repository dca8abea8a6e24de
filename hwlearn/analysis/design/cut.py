"""`Cut`: a circuit from which edges are taken, one after the other, without solving it anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwlearn.analysis.design.objectives import rates
from hwlearn.analysis.design.solved import GONE
from hwlearn.analysis.jacobian import jacobian, product
from hwlearn.arrays import Array, Indices
from hwlearn.learning.task import Task
from hwlearn.network import Network

CHUNK = 64
"""Edges that are tried together."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A linear circuit as far as taking trainable edges away needs it.

    An edge b of conductance g that goes changes the inverse by g/(1 − g T_bb) u uᵀ, u = K⁻¹b (Sherman and Morrison 1950). So
    each drop that is T_eb, D_e, Λ_e changes by g/(1 − g T_bb) T_eb times that of b, and outputs and R follow: exact, for O(E²)
    once it is gone, and for O(E) as long as it is only tried. Where g T_bb = 1, all current between the ends flows in b.

    Attributes:
        edges: (E,) the trainable edges that are left, as indices into the network's.
        conductances: (E,) S.
        transfer: T (E, E) Ω, drop of an edge for a unit current between the ends of another.
        drops: D (E, r) V in each independent sample. adjoint: Λ (E, n_out) Ω, drops for a unit current into each output.
        mixing: U (S, r), the samples by the independent ones.
        error: o − y, (S, n_out) V.
        resistance: R (n_out, n_out) Ω.
    """

    edges: Indices
    conductances: Array
    transfer: Array
    drops: Array
    adjoint: Array
    mixing: Array
    error: Array
    resistance: Array

    @classmethod
    def of(cls, network: Network, task: Task) -> Cut:
        """The whole circuit, at its conductances.

        Raises:
            ModelError, TaskError: the network is not linear, or the task does not fit.
        """
        here, edges = jacobian(network, task), np.flatnonzero(network.trainable)
        mixing, drops = here.samples()
        cluster, size = network.merging.cluster, network.merging.size
        free = np.flatnonzero(cluster >= 0)
        spread = np.zeros((len(network.nodes), size))
        spread[free, cluster[free]] = 1.0
        ends = np.asarray(network.incidence @ spread)
        inverse = np.linalg.inv(ends.T @ (network.conductances[:, None] * ends))
        transfer = ends[edges] @ inverse @ ends[edges].T
        error = here.outputs - here.targets
        found = drops[edges], here.adjoint_drops[edges]
        return cls(edges, network.conductances[edges], transfer, *found, mixing, error, here.resistance)

    @property
    def rms(self) -> float:
        """Root mean square error of the outputs [V]."""
        return float(np.sqrt(np.mean(self.error**2)))

    def without(self, edge: int) -> Cut:
        """Without an edge, an index into the network's edges. A bridge must be a dead end without a port."""
        k = int(np.flatnonzero(self.edges == edge)[0])
        stays = np.arange(len(self.edges)) != k
        factor = float(self._factors[k])
        column, drop, ohms = self.transfer[:, k], self.drops[k], self.adjoint[k]
        return replace(
            self,
            edges=self.edges[stays],
            conductances=self.conductances[stays],
            transfer=(self.transfer + factor * np.outer(column, column))[np.ix_(stays, stays)],
            drops=(self.drops + factor * np.outer(column, drop))[stays],
            adjoint=(self.adjoint + factor * np.outer(column, ohms))[stays],
            error=self.error + factor * np.outer(self.mixing @ drop, ohms),
            resistance=self.resistance + factor * np.outer(ohms, ohms),
        )

    @property
    def _factors(self) -> Array:
        """(E,): g/(1 − g T_bb) S; 0 of a bridge, which must be a dead end."""
        left = 1.0 - self.conductances * np.diag(self.transfer)
        return np.where(left < GONE, 0.0, self.conductances / np.where(left < GONE, 1.0, left))

    @property
    def errors_without(self) -> Array:
        """(E, S, n_out) V, the errors without each of the edges."""
        moved = (self.drops @ self.mixing.T)[:, :, None] * self.adjoint[:, None, :]
        return np.asarray(self.error + self._factors[:, None, None] * moved, dtype=float)

    def rates_without(self, rule: str) -> Array:
        """(E, r·n_out): rates of a rule's error dynamics without each of the edges, rising, as `rates` has them."""
        found = []
        for first in range(0, len(self.edges), CHUNK):
            at = np.arange(first, min(first + CHUNK, len(self.edges)))
            share = self._factors[at, None] * self.transfer[at]  # (C, E)
            drops = self.drops + share[:, :, None] * self.drops[at, None, :]
            adjoint = self.adjoint + share[:, :, None] * self.adjoint[at, None, :]
            drops[np.arange(len(at)), at] = 0.0
            rows = (drops[:, :, :, None] * adjoint[:, :, None, :]).reshape(len(at), len(self.edges), -1)
            ohms = self.resistance + self._factors[at, None, None] * self.adjoint[at, :, None] * self.adjoint[at, None, :]
            found.append(self._rates(np.matmul(rows.transpose(0, 2, 1), rows), ohms, rule))
        return np.concatenate(found)

    def rates(self, rule: str) -> Array:
        """(r·n_out,): rates of a rule's error dynamics, rising."""
        rows = product(self.drops, self.adjoint)
        return self._rates(rows @ rows.T, self.resistance, rule)

    def floor(self, part: float) -> float:
        """Mean ½‖δo‖² [V²] of the outputs, each conductance being off by up to ± `part` of itself: ‖J diag(g)‖² part²/6S."""
        rows = product(self.drops, self.adjoint) * self.conductances
        return float((rows**2).sum()) * part**2 / (6 * len(self.mixing))

    def _rates(self, grams: Array, resistances: Array, rule: str) -> Array:
        samples, independent = self.mixing.shape
        return rates(grams, resistances, rule, independent) * independent / samples
