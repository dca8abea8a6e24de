"""`Verifier`: do the resistors do what their codes say?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hwlearn.circuits.base import Array
from hwlearn.errors import InstrumentError
from hwlearn.network import Network
from hwlearn.spice.numbers import GROUND

TABLE, FOLLOWED, WANDER = 0.3, 0.5, 1e-3
"""How far a device is from its table, how far a change is from that of its code, how far it wanders between two phases:
standard deviations, the first and the last relative, the second as a part of the change."""
SECOND = 0.1
"""What the filter's first order leaves out, as a part of what it corrects."""
FINEST = 1e-6
"""No reading is better than this [V]."""
SURE = 5.0
"""Standard deviations by which an edge follows its code, or does not."""


class Verifier:
    """Estimates from each phase what every edge conducts, and compares how that changes with how its code did.

    A box tells which codes it was given, not what its relays did. But by Kirchhoff's current law what flows out of a node
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
        places: channel of each edge, as in "pots:3"; empty for fixed resistors.
        offset: standard deviation of a channel's offset [V]. drift: of a reading from phase to phase, besides its noise [V].
    """

    def __init__(self, network: Network, read: Sequence[int], places: Sequence[str], *, offset: float, drift: float) -> None:
        self._names, self._places, self._drift = network.edge_names, places, drift
        self._incidence = network.incidence.toarray()
        edges, nodes = self._incidence.shape
        self._groups = _groups(network)
        self._now, self._then = np.arange(edges), np.arange(edges + nodes, 2 * edges + nodes)
        self._state = np.concatenate((np.ones(edges), np.zeros(nodes), np.ones(edges)))  # f, offsets [V], f at the reference
        self._covariance = np.zeros((2 * edges + nodes, 2 * edges + nodes))
        for one, two in ((self._now, self._now), (self._now, self._then), (self._then, self._now), (self._then, self._then)):
            self._covariance[one, two] = TABLE**2
        at = edges + np.asarray(read, dtype=np.intp)
        self._covariance[at, at] = offset**2
        self._before = self._reference = np.empty(0)
        self._turn = 0

    def compare(self, conductances: Array, injected: Array, voltages: Array, noise: float) -> None:
        """Learn from a phase, of which one sample is taken, in turn.

        Args:
            conductances: (E,) S by the code tables. injected: (S, N) A at the outputs, as measured.
            voltages: (S, N) V read. noise: their standard deviation [V], NaN if unknown.

        Raises:
            InstrumentError: names an edge that does not follow its code.
        """
        if not self._turn:
            self._before, self._reference = conductances, conductances.copy()
        sample, self._turn = self._turn % len(voltages), self._turn + 1
        change = FOLLOWED * self._state[self._now] * np.log(conductances / self._before)
        self._covariance[self._now, self._now] += change**2 + WANDER**2
        self._before = conductances
        if len(self._groups):
            sigma = math.hypot(0.0 if math.isnan(noise) else noise, self._drift, FINEST)
            self._learn(conductances, injected[sample], voltages[sample], sigma)
            self._judge(conductances)

    def _learn(self, g: Array, injected: Array, voltages: Array, sigma: float) -> None:
        """One step of the filter, with the voltages (N,) V read while currents (N,) A were injected."""
        edges, groups, offsets = len(g), self._groups, self._state[len(g) : len(g) + len(voltages)]
        into = groups @ self._incidence.T
        laplacian = (into * g * np.maximum(self._state[:edges], 0.01)) @ self._incidence
        solved = np.linalg.solve(laplacian @ groups.T, np.column_stack((laplacian, into, groups @ injected)))
        weights, transfer = solved[:, : len(voltages)], solved[:, len(voltages) : -1]
        off = weights @ (voltages - offsets) - solved[:, -1]
        drops = self._incidence @ (voltages - offsets - off @ groups)
        slopes = np.column_stack((-transfer * (g * drops), weights, np.zeros((len(groups), edges))))
        sigma = math.hypot(sigma, SECOND * float(np.abs(off).max()))
        gain = self._covariance @ slopes.T
        spread = slopes @ gain + sigma**2 * weights @ weights.T
        white = np.linalg.solve(np.linalg.cholesky(spread), np.column_stack((off, gain.T)))
        misfit = max(1.0, float(white[:, 0] @ white[:, 0]) / len(white))
        self._state += white[:, 0] @ white[:, 1:] / misfit
        self._covariance -= white[:, 1:].T @ white[:, 1:] / misfit

    def _judge(self, g: Array) -> None:
        """Compare what each edge did since its reference with what its code did."""
        state, covariance, now, then, start = self._state, self._covariance, self._now, self._then, self._reference
        told = g - start
        moved = g * state[now] - start * state[then]
        error = g**2 * covariance[now, now] + start**2 * covariance[then, then] - 2 * g * start * covariance[now, then]
        error = np.sqrt(np.maximum(error, 0.0)) + 1e-12 * start
        sure = (np.sign(told) * moved - 0.5 * np.abs(told)) / error
        k = int(np.argmin(sure))
        if sure[k] < -SURE:
            box, _, channel = self._places[k].partition(":")
            raise InstrumentError(
                f"resistor {channel} (edge {self._names[k]}) does not follow its code: its conductance was to change by "
                f"{told[k]:.3g} S, and the readings say {moved[k]:.2g} ± {error[k]:.1g} S; a stuck relay, or wiring that has "
                "changed: see `hwlearn bench check`",
                box,
            )
        follow = np.flatnonzero(sure > SURE)
        state[then[follow]] = state[follow]
        covariance[then[follow], :] = covariance[follow, :]
        covariance[:, then[follow]] = covariance[:, follow]
        start[follow] = g[follow]


def _groups(network: Network) -> Array:
    """(G, N) ones: nodes that sources hold together, else one alone, but the ground. None with elements but resistors."""
    index = {**network.node_index, GROUND: network.node_index.get(GROUND, len(network.nodes))}
    ends = np.array([(index[s.plus], index[s.minus]) for s in network.sources], dtype=np.intp).reshape(-1, 2)
    size = max(index.values()) + 1
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    count, group = connected_components(graph, directed=False)
    kept = [k for k in range(count) if k != group[index[GROUND]]] if not network.elements else []
    return (group[: len(network.nodes)] == np.array(kept, dtype=np.intp)[:, None]).astype(np.float64)
