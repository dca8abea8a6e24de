"""A backend of one's own: supplies that are not ideal, as a worked example of `hwlearn.Circuit`."""

import numpy as np

from hwlearn import Circuit, Hold, Network, SampledMeasurement

STIFF = 1e4
"""Conductance of every supply [S]: 0.1 mΩ."""


class SupplyCircuit(Circuit):
    """A linear circuit whose voltage sources have an inner resistance; dense linear algebra.

    It is wrong by about g / STIFF, g being the conductances.
    """

    name = "supply"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.incidence = network.incidence.toarray()  # (E, N)
        self.sources = np.array([self.ends(s.plus, s.minus) for s in network.sources]).reshape(-1, len(network.nodes))
        self.ports = np.array([self.ends(p.plus, p.minus) for p in network.outputs]).reshape(-1, len(network.nodes))

    def ends(self, plus: str, minus: str) -> np.ndarray:
        """(N,): +1 and −1 at two nodes; ground counts for nothing."""
        row = np.zeros(len(self.network.nodes))
        for node, sign in ((plus, 1.0), (minus, -1.0)):
            if node != "0":
                row[self.network.node_index[node]] += sign
        return row

    def _program(self, conductances):
        return conductances  # a device of few codes returns what it made of them

    def _measure(self, inputs, outputs, imposed):
        network, count = self.network, len(inputs)
        fixed = [source.value for source in network.fixed_sources]
        values = np.hstack((inputs, np.tile(fixed, (count, 1)))) if fixed else inputs  # (S, sources)
        voltage = np.array([source.kind == "voltage" for source in network.sources])
        held = self.ports if isinstance(outputs, Hold) else self.ports[:0]
        stiff = np.vstack((self.sources[voltage], held))

        matrix = self.incidence.T @ (self.conductances[:, None] * self.incidence) + STIFF * stiff.T @ stiff
        right = STIFF * values[:, voltage] @ self.sources[voltage] + values[:, ~voltage] @ self.sources[~voltage]
        if "0" in network.node_index:
            matrix[network.node_index["0"], network.node_index["0"]] += STIFF
        if imposed is not None:
            right = right + (STIFF if len(held) else 1.0) * imposed @ self.ports
        volts = np.linalg.solve(matrix, right.T).T  # (S, N)

        currents = np.where(voltage, STIFF * (values - volts @ self.sources.T), values)[:, : len(network.inputs)]
        if len(held):
            imposed = STIFF * (imposed - volts @ self.ports.T)
        elif imposed is None:
            imposed = np.zeros((count, len(self.ports)))
        return SampledMeasurement(
            network, self.conductances, volts, volts @ self.ports.T, imposed, currents, provenance=self.name
        )

    def _close(self):
        pass  # here a bench would make itself safe and let its instruments go
