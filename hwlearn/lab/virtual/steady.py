"""`SteadyState`: the working point of a bench at which everything has settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Inject
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.lab.virtual.ports import OPEN, PortDrive, operate
from hwlearn.network import Network


@dataclass(frozen=True)
class Point:
    """(N,) V of the nodes, (n_out,) V and A of the ports, which of these are in compliance, (n_in,) A out of the sources."""

    nodes: Array
    voltages: Array
    currents: Array
    tripped: list[bool]
    given: Array


class SteadyState:
    """Solved again after each change, when somebody looks.

    Args:
        network: with all its sources as inputs.
        backend: "exact", or "ngspice" for elements that no law reads.

    Attributes:
        inputs: (n_in,) V or A of the sources. drives: what is at each port. Call `changed` after changing them.
    """

    def __init__(self, network: Network, inputs: Array, backend: str) -> None:
        self.network, self.inputs = network, inputs
        self.drives: list[PortDrive] = [OPEN] * len(network.outputs)
        self._circuit = self._make(backend)
        self._conductances: Array | None = None
        self._point: Point | None = None

    def _make(self, backend: str) -> Circuit:
        if backend == "exact":
            return ExactCircuit(self.network) if self.network.linear else NewtonCircuit(self.network)
        from hwlearn.circuits.ngspice.circuit import NgspiceCircuit

        return NgspiceCircuit(self.network)

    def close(self) -> None:
        """Release the simulator."""
        self._circuit.close()

    def changed(self) -> None:
        """A source or a resistor is another than before."""
        self._point = None

    def at(self, conductances: Array) -> Point:
        """The working point at conductances (E,) [S]."""
        if self._point is None:
            if self._conductances is None or not np.array_equal(self._conductances, conductances):
                self._circuit.program(conductances)
                self._conductances = conductances.copy()
            self._point = self._plain() or self._mixed()
        return self._point

    def _plain(self) -> Point | None:
        """The state if all ports carry a stated current, or all hold a voltage, and no limit is passed."""
        drives = self.drives
        level = np.array([[drive.level for drive in drives]])
        if all(drive.mode == "current" for drive in drives):
            got = self._circuit.measure(Drive(self.inputs[None], Inject(level)))
        elif all(drive.mode == "voltage" and not drive.series for drive in drives):
            got = self._circuit.measure(Drive(self.inputs[None], Hold(level)))
        else:
            return None
        voltages, currents = got.output_voltages[0], got.output_currents[0]
        for drive, volts, amperes in zip(drives, voltages, currents, strict=True):
            bounded, limit = (volts, drive.v_limit) if drive.mode == "current" else (amperes, drive.i_limit)
            if abs(bounded) > limit:
                return None
        return Point(got.node_voltages[0], voltages, currents, [False] * len(drives), got.input_currents[0])

    def _mixed(self) -> Point:
        """Newton steps on the port currents; a linear network needs one."""
        count = len(self.drives)
        linear = self.network.linear
        currents, unit = np.zeros(count), 1.0 if linear else 1e-7
        for _ in range(1 if linear else 30):
            trial = currents + np.vstack((np.zeros((1, count)), unit * np.eye(count)))
            got = self._circuit.measure(Drive(np.repeat(self.inputs[None], count + 1, axis=0), Inject(trial))).output_voltages
            resistance = (got[1:] - got[0]).T / unit
            before = currents
            currents, tripped = operate(self.drives, got[0] - resistance @ currents, resistance)
            if np.abs(currents - before).max(initial=0.0) <= 1e-12 + 1e-9 * np.abs(currents).max(initial=0.0):
                break
        final = self._circuit.measure(Drive(self.inputs[None], Inject(currents[None])))
        return Point(final.node_voltages[0], final.output_voltages[0], currents, tripped, final.input_currents[0])

    def resistance(self, conductances: Array) -> Array:
        """(N, N) Ω at conductances (E,) [S]: node voltages for a unit current into each node, voltage sources and held ports
        shorted; resistors only."""
        network, merging = self.network, self.network.merging
        nodes, size = len(network.nodes), merging.size
        into = np.zeros((size, nodes))
        free = np.flatnonzero(merging.cluster >= 0)
        into[merging.cluster[free], free] = 1.0
        merged = network.incidence @ into.T
        spread: NDArray[np.float64] = into.T @ np.linalg.solve(merged.T @ (merged * conductances[:, None]), into)
        state = self.at(conductances)
        stiff = [(drive.mode == "voltage") != tripped for drive, tripped in zip(self.drives, state.tripped, strict=True)]
        if any(stiff):
            ends = network.port_incidence.toarray()[stiff]
            series = [drive.series for drive, held in zip(self.drives, stiff, strict=True) if held]
            spread_ends = spread @ ends.T
            spread = spread - spread_ends @ np.linalg.solve(ends @ spread_ends + np.diag(series), spread_ends.T)
        return spread
