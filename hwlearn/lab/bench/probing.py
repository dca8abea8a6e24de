"""One source at a time, both ways: what a bench answers, and what its model does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Inject, Open
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station.settings import SeriesNudge
from hwlearn.network import Network, Port, Source
from hwlearn.text import GROUND

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


class Probed(NamedTuple):
    """What D drives made, less what fixed sources and offsets make: half the difference of both ways.

    Attributes:
        voltages: (D, N) V of all nodes; zero where a node is wired to ground.
        driven: (D, U) V and A of each input, then of each output: what was driven, as it was measured; a current input as it
            was set.
    """

    voltages: Array
    driven: Array


class Prober:
    """Drives each input alone, and a current into each output if all can be nudged, at the largest size that limits allow.

    Args:
        response: of the model at the largest resistances that the edges will have; currents are chosen by it.

    Attributes:
        drives: (D, U) V and A, what is set. names: of the source of each.
    """

    def __init__(self, circuit: BenchCircuit, response: UnitResponse) -> None:
        self._circuit = circuit
        network = circuit.network
        ports: list[Source | Port] = [*network.inputs]
        if circuit.station.rules(network):
            ports += network.outputs
        self.names = [port.name for port in ports]
        self.drives = np.zeros((len(ports), len(network.inputs) + len(network.outputs)))
        for k, port in enumerate(ports):
            volts = isinstance(port, Source) and port.kind == "voltage"
            self.drives[k, k] = circuit.probe_volts if volts else self._current(port, response.voltages[k])

    def _current(self, port: Source | Port, response: Array) -> float:
        """A current [A] that is half of what limits allow and moves no node farther than `probe_volts`; response (N,) Ω."""
        settings, network = self._circuit.station.settings, self._circuit.network
        output = settings.output.get(port.name)
        series = output.nudge.series_ohm if output is not None and isinstance(output.nudge, SeriesNudge) else 0.0
        own = abs(_at(network, response, port.plus) - _at(network, response, port.minus)) + series
        limits, largest = settings.limits, float(np.abs(response).max())
        most = 0.5 * limits.i_nudge_max
        return min(most, self._circuit.probe_volts / max(largest, 1e-9), 0.5 * limits.v_compliance / max(own, 1e-9))

    def measure(self) -> Probed:
        """One phase per drive, + and − side by side."""
        network, count = self._circuit.network, len(self._circuit.network.inputs)
        voltages, driven = [], self.drives.copy()
        for k, row in enumerate(self.drives):
            both = np.stack((row, -row))
            outputs = Inject(both[:, count:]) if k >= count else Open()
            measured = self._circuit.measure(Drive(both[:, :count], outputs))
            volts = (measured.node_voltages[0] - measured.node_voltages[1]) / 2
            voltages.append(volts)
            if k >= count:
                driven[k, count:] = (measured.output_currents[0] - measured.output_currents[1]) / 2
            elif network.inputs[k].kind == "voltage":
                driven[k, k] = _at(network, volts, network.inputs[k].plus) - _at(network, volts, network.inputs[k].minus)
        return Probed(np.array(voltages).reshape(len(self.drives), -1), driven)


class UnitResponse(NamedTuple):
    """A linear network's exact answer to a unit of each of U sources, all others at zero: the inputs, then output currents.

    Attributes:
        voltages: (U, N) V per V or A.
        drops: (U, E), of the edges.
        adjoint: (E, N) V/A: drops for a unit current into each node; zero where sources fix the node.
        resistance: (N, N) Ω: node voltages for a unit current into each node; zero likewise.
    """

    voltages: Array
    drops: Array
    adjoint: Array
    resistance: Array

    def sensitivity(self, conductances: Array) -> Array:
        """(U, N, E) ∂v_n/∂ln g_e = −g_e Δv_e Δλ_e, λ the answer to a unit current at n (THEORY, Phases)."""
        return -np.einsum("ue,en->une", self.drops * conductances, self.adjoint)

    def shorted(self, nodes: Sequence[int]) -> Array:
        """(U, N) V, `voltages` with some nodes shorted to ground: the currents that bring them to zero are drawn there."""
        at = list(nodes)
        drawn = np.linalg.solve(self.resistance[np.ix_(at, at)], self.voltages[:, at].T)
        return self.voltages - drawn.T @ self.resistance[at]


class UnitModel:
    """Makes the `UnitResponse` of a network at any conductances.

    Raises:
        ModelError: the network is not linear.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.free = [k for k, node in enumerate(network.nodes) if _cluster(network, node) >= 0]
        self._at_nodes = ExactCircuit(network.with_ports(outputs=[Port(network.nodes[k]) for k in self.free]))
        inputs = len(network.inputs)
        with ExactCircuit(network) as circuit:  # sources alone fix the other nodes, whatever the conductances are
            units = circuit.measure(Drive(np.eye(inputs))).node_voltages if inputs else np.zeros((0, len(network.nodes)))
            self._fixed = units - circuit.measure(Drive(np.zeros((1, inputs)))).node_voltages
        self._fixed[:, self.free] = 0.0
        self._ports = network.port_incidence.toarray()

    def respond(self, conductances: Array) -> UnitResponse:
        """The answer at conductances (E,) [S]."""
        inputs, nodes = self._fixed.shape
        self._at_nodes.program(conductances)
        answer = self._at_nodes.responses(np.zeros((1, inputs)))
        adjoint = np.zeros((len(conductances), nodes))
        adjoint[:, self.free] = answer.port_drops
        resistance = np.zeros((nodes, nodes))
        resistance[np.ix_(self.free, self.free)] = answer.resistance
        driven = self._fixed.copy()
        driven[:, self.free] = answer.source_outputs[:, :inputs].T
        return UnitResponse(
            np.concatenate((driven, self._ports @ resistance)),
            np.concatenate((answer.source_drops[:, :inputs].T, self._ports @ adjoint.T)),
            adjoint,
            resistance,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._at_nodes.close()


def _cluster(network: Network, node: str) -> int:
    """The free potential that a node has; −1 where sources fix it."""
    at = network.node_index.get(node)
    return -1 if at is None or node == GROUND else int(network.merging.cluster[at])


def _at(network: Network, volts: Array, node: str) -> float:
    return 0.0 if node == GROUND else float(volts[network.node_index[node]])
