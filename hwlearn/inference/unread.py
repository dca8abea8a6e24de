"""`UnreadNodes`: voltages of nodes that nobody reads, from those of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network import Network


class UnreadNodes:
    """By Kirchhoff's current law at nodes that no source and no output touches, what flows in through their edges flows out.

    With L = Bᵀ diag(g) B, rows and columns sorted into unread (u) and read (r): v_u = −L_uu⁻¹ L_ur v_r. Where an edge conducts
    (1 + ε) g, that is off by −L_uu⁻¹ b_u g Δv ε.

    Args:
        network: of resistors.
        nodes: indices of the unread ones, U.
    """

    def __init__(self, network: Network, nodes: Sequence[int]) -> None:
        self.nodes, self._incidence = list(nodes), network.incidence.toarray()
        self._unread = self._incidence[:, self.nodes]
        self._read = self._incidence.copy()
        self._read[:, self.nodes] = 0.0

    def weights(self, conductances: Array) -> Array:
        """(U, N) of the other nodes in each unread one, at conductances (E,) [S]: a row sums to 1, or less beside ground."""
        return -np.linalg.solve(self._laplacian(conductances), self._unread.T @ (conductances[:, None] * self._read))

    def doubt(self, conductances: Array, voltages: Array) -> Array:
        """(S, U, E) V of all node voltages (S, N) V, by which an estimate is off per relative change of each conductance."""
        flows = (voltages @ self._incidence.T) * conductances
        return -np.einsum("ue,se->sue", np.linalg.solve(self._laplacian(conductances), self._unread.T), flows)

    def _laplacian(self, conductances: Array) -> Array:
        made: Array = self._unread.T @ (conductances[:, None] * self._unread)
        return made
