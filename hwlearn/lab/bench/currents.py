"""`InputCurrents`: what voltage inputs give, which nothing on a bench measures."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.text import GROUND


class InputCurrents:
    """Kirchhoff's current law, solved once for the currents of the voltage inputs."""

    def __init__(self, network: Network) -> None:
        self._network, count = network, len(network.inputs)
        plain = np.array([name != GROUND for name in network.nodes])
        entering = network.source_incidence.toarray()[:, plain]
        volts = np.array([source.kind == "voltage" for source in network.sources], dtype=bool)
        fixed = np.array([0.0 if s.kind == "voltage" else s.value for s in network.fixed_sources])
        self._voltage_inputs = volts[:count]
        solve = np.linalg.pinv(entering[volts].T)[: self._voltage_inputs.sum()].T
        self._of_edges = network.incidence.toarray()[:, plain] @ solve
        self._of_outputs = network.port_incidence.toarray()[:, plain] @ solve
        self._of_inputs = entering[:count] @ solve
        self._of_inputs[self._voltage_inputs] = 0.0
        self._of_fixed = fixed @ entering[count:] @ solve

    def __call__(self, conductances: Array, inputs: Array, voltages: Array, port_currents: Array) -> Array:
        """(S, n_in) A for inputs (S, n_in), node voltages (S, N) V and currents into the outputs (S, n_out) A."""
        flows = self._network.edge_currents(conductances, voltages)
        currents = inputs.copy()
        currents[:, self._voltage_inputs] = (
            flows @ self._of_edges - port_currents @ self._of_outputs - inputs @ self._of_inputs - self._of_fixed
        )
        return currents
