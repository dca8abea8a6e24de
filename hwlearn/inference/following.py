"""`EdgeFilter`: do the resistors do what they are told?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.text import GROUND

TABLE, FOLLOWED, WANDER = 0.3, 0.5, 1e-3
"""How far a device is from its table, how far a change is from that of its code, how far it wanders between two phases:
standard deviations, the first and the last relative, the second as a part of the change."""
SECOND = 0.1
"""What the filter's first order leaves out, as a part of what it corrects."""
FINEST = 1e-6
"""No reading is better than this [V]."""
SURE = 5.0
"""Standard deviations by which an edge follows its code, or does not."""


@dataclass(frozen=True)
class Stray:
    """An edge that does not do what it is told: its index, by how much it was told to change, by how much it did, and the
    standard deviation `error` of that [S]."""

    edge: int
    told: float
    moved: float
    error: float


class EdgeFilter:
    """Estimates from each phase what every edge conducts, and compares how that changes with how its code did.

    By Kirchhoff's current law what flows out of a node
    through its edges was injected there; so for nodes that a source holds together, for its two ends give and take alike. With
    M the sums over these groups, the ground's left out, L = Bᵀ diag(fg) B and i the injected currents, readings v are off by

        r = (M L Mᵀ)⁻¹ (M L v − M i),  ∂r/∂log f_e = (M L Mᵀ)⁻¹ M b_e f_e g_e Δv_e,

    where an edge conducts f g: g by its code table, f unknown. An extended Kalman filter follows f, and the offsets of the
    channels: f is 1 ± `TABLE` at first; when the code changes by δ = Δlog g, f stays, ± `FOLLOWED` δ. The readings decide. A
    phase that no f explains, as when a source is wrong, counts the less, the worse it fits.

    The filter also remembers f of each edge where it was last `SURE` to have moved with its code. When f g has moved since
    then by less than half of what g has, and this is `SURE`, the edge does not follow.

    It cannot see: an edge along a source, an edge whose change is below noise and drift, or can be another edge's as well, or
    whose code stays; nor anything in a network with elements that are no resistors. A wiring fault can look like an edge.

    Args:
        network: what is wired up. read: indices of the nodes that are read; the others are at 0 V.
        unread: of these, those that are not known at all: no law is used that takes them.
        offset: standard deviation of what offsets make of each of them [V].
        drift: of a reading from phase to phase, besides its noise [V].
    """

    def __init__(
        self, network: Network, read: Sequence[int], *, offset: Array, drift: float, unread: Sequence[int] = ()
    ) -> None:
        self._drift = drift
        self._incidence, groups = network.incidence.toarray(), _groups(network)
        unknown = np.abs(self._incidence[:, list(unread)]).any(axis=1)
        self._groups = groups[~(np.abs(groups) @ np.abs(self._incidence).T)[:, unknown].any(axis=1)]
        self._into = self._groups @ self._incidence.T
        edges, nodes = self._incidence.shape
        seen = edges + nodes
        self._now, self._offsets, self._then = slice(edges), slice(edges, seen), slice(seen, seen + edges)
        self._state = np.concatenate((np.ones(edges), np.zeros(nodes), np.ones(edges)))  # f, offsets [V], f at the reference
        tables = TABLE**2 * np.eye(edges)
        self._covariance = np.zeros((seen + edges, seen + edges))
        self._covariance[self._now, self._now] = self._covariance[self._then, self._then] = tables
        self._covariance[self._now, self._then] = self._covariance[self._then, self._now] = tables
        at = edges + np.asarray(read, dtype=np.intp)
        self._covariance[at, at] = offset**2
        self._before = self._reference = np.empty(0)
        self._turn = 0

    def learn(self, conductances: Array, injected: Array, voltages: Array, noise: float) -> Stray | None:
        """Learn from a phase, of which one sample is taken, in turn.

        Args:
            conductances: (E,) S by the code tables. injected: (S, N) A at the outputs, as measured.
            voltages: (S, N) V read. noise: their standard deviation [V], NaN if unknown.

        Returns:
            The edge that surely does not follow what it is told, if there is one.
        """
        if not self._turn:
            self._before, self._reference = conductances, conductances.copy()
        sample, self._turn = self._turn % len(voltages), self._turn + 1
        wander = np.full(len(conductances), WANDER**2)
        if conductances is not self._before:
            wander += (FOLLOWED * self._state[self._now] * np.log(conductances / self._before)) ** 2
            self._before = conductances
        np.einsum("ee->e", self._covariance[self._now, self._now])[:] += wander
        if not len(self._groups):
            return None
        sigma = math.hypot(0.0 if math.isnan(noise) else noise, self._drift, FINEST)
        self._step(conductances, injected[sample], voltages[sample], sigma)
        return self._judged(conductances)

    def _step(self, g: Array, injected: Array, voltages: Array, sigma: float) -> None:
        """One step of the filter, with the voltages (N,) V read while currents (N,) A were injected."""
        groups, corrected = self._groups, voltages - self._state[self._offsets]
        conducted = g * np.maximum(self._state[self._now], 0.01)
        factor = _factor((self._into * conducted) @ self._into.T)
        right = np.concatenate((self._into, (groups @ injected)[:, None]), axis=1)
        solved = lapack.dpotrs(factor, right, lower=1)[0]  # (M L Mᵀ)⁻¹ of M B, and of M i
        weights = (solved[:, :-1] * conducted) @ self._incidence
        off = weights @ corrected - solved[:, -1]
        drops = self._incidence @ (corrected - off @ groups)
        slopes = np.concatenate((solved[:, :-1] * (-g * drops), weights), axis=1)
        seen = slopes.shape[1]
        gain = slopes @ self._covariance[:seen]
        sigma = math.hypot(sigma, SECOND * float(np.abs(off).max()))
        spread = gain[:, :seen] @ slopes.T + sigma**2 * (weights @ weights.T)
        white = lapack.dtrtrs(_factor(spread), np.concatenate((gain, off[:, None]), axis=1), lower=1)[0]
        left = white[:, -1]
        misfit = max(1.0, math.sqrt(float(left @ left) / len(left)))
        gain = white[:, :-1] / misfit
        self._state += (left / misfit) @ gain
        self._covariance -= gain.T @ gain

    def _judged(self, g: Array) -> Stray | None:
        """Compare what each edge did since its reference with what its code did."""
        state, covariance, now, then, start = self._state, self._covariance, self._now, self._then, self._reference
        told = g - start
        moved = g * state[now] - start * state[then]
        both = np.diagonal(covariance[now, then])
        error = (
            g**2 * np.diagonal(covariance[now, now]) + start**2 * np.diagonal(covariance[then, then]) - 2 * g * start * both
        )
        error = np.sqrt(np.maximum(error, 0.0)) + 1e-12 * start
        sure = (np.sign(told) * moved - 0.5 * abs(told)) / error
        k = int(sure.argmin())
        if sure[k] < -SURE:
            return Stray(k, float(told[k]), float(moved[k]), float(error[k]))
        follow = np.flatnonzero(sure > SURE)
        if len(follow):
            reference = then.start + follow
            state[reference] = state[follow]
            covariance[reference, :] = covariance[follow, :]
            covariance[:, reference] = covariance[:, follow]
            start[follow] = g[follow]
        return None


def _factor(matrix: Array) -> Array:
    """The lower Cholesky factor of a small matrix, without numpy's dispatch, which takes longer.

    Raises:
        LinAlgError: not positive definite.
    """
    factor, info = lapack.dpotrf(matrix, lower=1)
    if info:
        raise np.linalg.LinAlgError(f"not positive definite at row {info}")
    return np.asarray(factor)


def _groups(network: Network) -> Array:
    """(G, N) ones: nodes that sources hold together, else one alone, but the ground. None unless all are resistors."""
    index = {**network.node_index, GROUND: network.node_index.get(GROUND, len(network.nodes))}
    ends = np.array([(index[s.plus], index[s.minus]) for s in network.sources], dtype=np.intp).reshape(-1, 2)
    size = max(index.values()) + 1
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    count, group = connected_components(graph, directed=False)
    kept = [k for k in range(count) if k != group[index[GROUND]]] if network.linear else []
    return (group[: len(network.nodes)] == np.array(kept, dtype=np.intp)[:, None]).astype(np.float64)
