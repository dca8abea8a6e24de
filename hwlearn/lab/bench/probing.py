"""One source at a time, both ways: what a bench answers, and what its model does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Inject, Open
from hwlearn.inference.nodes import Answers, NodeCircuit
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
        given: (D,) A out of the input that was driven; zero where it was an output.
    """

    voltages: Array
    driven: Array
    given: Array


class Prober:
    """Drives each input alone, and a current into each output if all can be nudged, at the largest size that limits allow.

    Args:
        response: of the model at the largest resistances that the edges will have; currents are chosen by it.

    Attributes:
        drives: (D, U) V and A, what is set. names: of the source of each.
    """

    def __init__(self, circuit: BenchCircuit, response: Answers) -> None:
        self._circuit = circuit
        network = circuit.network
        ports: list[Source | Port] = [*network.inputs]
        if circuit.station.imposable(network):
            ports += network.outputs
        self.names = [port.name for port in ports]
        self.drives = np.zeros((len(ports), len(network.inputs) + len(network.outputs)))
        for k, port in enumerate(ports):
            volts = isinstance(port, Source) and port.kind == "voltage"
            self.drives[k, k] = circuit.probe_volts if volts else self._current(port, response.units[k])

    @classmethod
    def at(cls, circuit: BenchCircuit, lowest: Array) -> Self:
        """For a bench whose conductances are never below `lowest` (E,) [S].

        Raises:
            ModelError: the network is not linear.
        """
        with NodeCircuit(circuit.network) as model:
            return cls(circuit, model.ask(lowest))

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
        voltages, driven, given = [], self.drives.copy(), np.zeros(len(self.drives))
        weak = [k for k, _, _ in self._circuit.shunts]  # what flows moves the input behind a shunt
        for k, row in enumerate(self.drives):
            both = np.stack((row, -row))
            outputs = Inject(both[:, count:]) if k >= count else Open()
            measured = self._circuit.measure(Drive(both[:, :count], outputs))
            volts = (measured.node_voltages[0] - measured.node_voltages[1]) / 2
            voltages.append(volts)
            for j in weak:
                driven[k, j] = self._across(volts, j)
            if k >= count:
                driven[k, count:] = (measured.output_currents[0] - measured.output_currents[1]) / 2
                continue
            given[k] = (measured.input_currents[0, k] - measured.input_currents[1, k]) / 2
            if network.inputs[k].kind == "voltage":
                driven[k, k] = self._across(volts, k)
        return Probed(np.array(voltages).reshape(len(self.drives), -1), driven, given)

    def _across(self, volts: Array, k: int) -> float:
        network = self._circuit.network
        return _at(network, volts, network.inputs[k].plus) - _at(network, volts, network.inputs[k].minus)


def _at(network: Network, volts: Array, node: str) -> float:
    return 0.0 if node == GROUND else float(volts[network.node_index[node]])
