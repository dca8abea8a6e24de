"""`NodeCircuit`: what a linear network does in a drive, and how every edge would change it, from one factorisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Inject
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.network import Network
from hwlearn.network.ports import Port


@dataclass(frozen=True, eq=False)
class Answers:
    """To S samples; and to a unit of each of U sources alone: the inputs, then a current into each output.

    Attributes:
        nodes: (S, N) V. drops: (S, E) V, of the edges.
        units: (U, N) V per V or A. unit_drops: (U, E), of the edges.
        across: (E, N) drops of the edges, V per ampere into each node, zero where sources fix the node; by reciprocity, what
            each node sees of a current across an edge.
        resistance: (N, N) Ω: node voltages for a unit current into each node; zero likewise.
    """

    nodes: Array
    drops: Array
    units: Array
    unit_drops: Array
    across: Array
    resistance: Array

    def sensitivity(self, conductances: Array, drops: Array) -> Array:
        """(S, N, E) ∂v_n/∂ln g_e = −g_e Δv_e Δλ_e, λ the answer to a unit current at n (docs/theory.md); `drops` (S, E) V."""
        return -np.einsum("se,en->sne", drops * conductances, self.across)

    def shorted(self, nodes: Sequence[int]) -> Array:
        """(U, N) V, `units` with some nodes shorted to ground: the currents that bring them to zero are drawn there."""
        at = list(nodes)
        drawn = np.linalg.solve(self.resistance[np.ix_(at, at)], self.units[:, at].T)
        return self.units - drawn.T @ self.resistance[at]


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
        self._ports = network.port_incidence.toarray()  # a current into an output, as currents into nodes
        self._circuit = ExactCircuit(network.with_ports(outputs=[Port(network.nodes[k]) for k in self.free]))

    def ask(self, conductances: Array, drive: Drive | None = None) -> Answers:
        """Solve at conductances (E,) [S], for an open or injected drive, or for the units alone."""
        inputs, free, network = len(self.network.inputs), len(self.free), self.network
        samples = 0 if drive is None else drive.count
        # The samples, then nothing driven, each input alone, a unit current into each free node.
        volts, currents = np.zeros((samples + 1 + inputs + free, inputs)), np.zeros((samples + 1 + inputs + free, free))
        volts[samples + 1 : samples + 1 + inputs] = np.eye(inputs)
        currents[len(currents) - free :] = np.eye(free)
        if drive is not None:
            volts[:samples] = drive.inputs
            if isinstance(drive.outputs, Inject):
                currents[:samples] = drive.outputs.current @ self._ports[:, self.free]
        self._circuit.program(conductances)
        answer = self._circuit.measure(Drive(volts, Inject(currents)))
        nodes, drops = answer.node_voltages, answer.edge_drops()
        alone, alone_drops = nodes[samples + 1 :] - nodes[samples], drops[samples + 1 :] - drops[samples]
        resistance, across = np.zeros((len(network.nodes),) * 2), np.zeros((len(network.edges), len(network.nodes)))
        resistance[np.ix_(self.free, self.free)] = alone[inputs:, self.free]
        across[:, self.free] = alone_drops[inputs:].T
        return Answers(
            nodes[:samples],
            drops[:samples],
            np.concatenate((alone[:inputs], self._ports @ resistance)),
            np.concatenate((alone_drops[:inputs], self._ports @ across.T)),
            across,
            resistance,
        )

    def close(self) -> None:
        """Release the circuit."""
        self._circuit.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
