"""Kirchhoff's current law as a check of a simulator's answer."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import SparseMap
from hwlearn.circuits.trust import decades_apart
from hwlearn.errors import SimulationError
from hwlearn.network import Network
from hwlearn.text import GROUND

ACCEPTED = 1e-6
"""Largest residual current, relative to the largest current."""

ROUNDING, TOLERANCE = 1e-15, 1e-12
"""What a node voltage may be off, relative to itself: in a linear network, and where ngspice iterates (`deck.TOLERANCES`)."""

SPAN = 1e8
"""Ratio of conductances up to which a nonlinear circuit's voltages are right although large conductances hide it."""

_ONE = np.ones(1)


class Kirchhoff:
    """Kirchhoff's current law at the nodes where only resistors, ports and current sources meet.

    It fails when ngspice simulated something else than was asked for: an `alter` that got lost, a stale result, a node that
    floats at an invented voltage. Where large conductances make a current of the last digits of a voltage, the law says
    nothing. In a linear network, whose voltages `Verified` checks, that is no failure. In others it is one beyond `SPAN`.
    """

    def __init__(self, network: Network, port_signs: Array) -> None:
        busy = {node for s in network.sources if s.kind == "voltage" for node in (s.plus, s.minus)} | {GROUND}
        busy |= {node for element in network.elements for node in element.nodes}
        busy |= {node for place in network.placed for node in place.nodes}
        plain = np.array([k for k, name in enumerate(network.nodes) if name not in busy], dtype=np.intp)
        self.tails, self.heads = network.tails, network.heads
        self._network = network
        self.count = len(plain) and len(network.edges)
        kinds = np.array([source.kind == "current" for source in network.sources], dtype=np.float64)
        entering = (network.source_incidence.T[plain] * kinds).tocsc()
        inputs = len(network.inputs)
        # What flows out of each node: of edge currents, inputs, port currents, and one for all fixed sources.
        fixed = entering[:, inputs:] @ np.array([source.value for source in network.fixed_sources])
        injected = np.hstack([entering[:, :inputs].toarray(), port_signs.T[plain], fixed[:, None]])
        self.leaving = sp.csr_array(sp.hstack([network.incidence.T.tocsr()[plain], -injected]))
        self._at = abs(network.incidence.T.tocsr()[plain])
        self._sums, self._zero = SparseMap(self.leaving), np.zeros(len(plain))

    def check(self, conductances: Array, voltages: Array, inputs: Array, port_currents: Array) -> None:
        """Raise SimulationError unless the currents of one sample balance."""
        if not self.count:
            return
        currents = np.concatenate([conductances * (voltages[self.tails] - voltages[self.heads]), inputs, port_currents, _ONE])
        residual = np.abs(self._sums.of(currents, self._zero))
        edges = np.abs(currents[: len(conductances)]).max()
        if residual.max() <= ACCEPTED * edges:
            return
        scale = max(edges, np.abs(self.leaving[:, len(conductances) :] @ currents[len(conductances) :]).max())
        digits = ROUNDING if self._network.linear else TOLERANCE if conductances.max() <= SPAN * conductances.min() else 0.0
        residual -= digits * (self._at @ (conductances * (np.abs(voltages[self.tails]) + np.abs(voltages[self.heads]))))
        if not residual.max() <= ACCEPTED * scale:
            raise SimulationError(
                f"ngspice's answer breaks Kirchhoff's current law by {residual.max():.2g} A of {scale:.2g} A; it is not used. "
                f"If it is no fault of ngspice, {decades_apart(self._network, conductances)}"
            )
