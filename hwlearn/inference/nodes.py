"""`NodeCircuit`: what a linear network does in a drive, and how every edge would change it, from one factorisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Inject
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.network import Network
from hwlearn.network.ports import Port


@dataclass(frozen=True, eq=False)
class Answers:
    """To S samples, with n free nodes.

    Attributes:
        nodes: (S, N) V. drops: (S, E) V, of the edges.
        inputs: (n_in, N) V per unit of each input. outputs: (n_out, N) V per ampere into each output.
        across: (E, n) drops of the edges, V per ampere into each free node; by reciprocity, what each free node sees of a
            current across an edge.
    """

    nodes: Array
    drops: Array
    inputs: Array
    outputs: Array
    across: Array


class NodeCircuit:
    """An exact circuit with a port at each free node.

    Args:
        network: linear.

    Attributes:
        free: indices of the nodes that no voltage source fixes: only their voltages say something about conductances.

    Raises:
        ModelError: the network is not linear.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.free = np.flatnonzero(network.merging.cluster >= 0)
        self._entering = network.port_incidence.toarray()[:, self.free]  # a current into an output, as currents into nodes
        self._circuit = ExactCircuit(network.with_ports(outputs=[Port(network.nodes[k]) for k in self.free]))

    def ask(self, conductances: Array, drive: Drive) -> Answers:
        """Solve for an open or injected drive at conductances (E,) [S]."""
        samples, inputs, free = drive.count, len(self.network.inputs), len(self.free)
        # The samples, then nothing driven, each input alone, a unit current into each free node.
        volts, currents = np.zeros((samples + 1 + inputs + free, inputs)), np.zeros((samples + 1 + inputs + free, free))
        volts[:samples], volts[samples + 1 : samples + 1 + inputs] = drive.inputs, np.eye(inputs)
        if isinstance(drive.outputs, Inject):
            currents[:samples] = drive.outputs.current @ self._entering
        currents[len(currents) - free :] = np.eye(free)
        self._circuit.program(conductances)
        answer = self._circuit.measure(Drive(volts, Inject(currents)))
        nodes, drops = answer.node_voltages, answer.edge_drops()
        alone = nodes[samples + 1 :] - nodes[samples]
        return Answers(
            nodes[:samples],
            drops[:samples],
            alone[:inputs],
            self._entering @ alone[inputs:],
            (drops[samples + 1 + inputs :] - drops[samples]).T,
        )
