"""The suite for circuits that are given networks of resistors and DC sources, and answer as these do."""

from __future__ import annotations

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Inject, Open
from hwlearn.circuits.measurement import Measurement
from hwlearn.network import Network
from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.nodal import modified_nodal
from hwlearn.text import GROUND


class ResistorContract(CircuitContract):
    """What a circuit of resistors must do besides: Kirchhoff's and Ohm's laws, and what follows from linearity."""

    def test_agrees_with_modified_nodal_analysis(self, circuit: Circuit) -> None:
        for drive in self.phases(circuit.network).values():
            got, true = circuit.measure(drive), modified_nodal(circuit.network, circuit.conductances, drive)
            volts = np.abs(true.node_voltages).max()
            amperes = max(np.abs(true.input_currents).max(), np.abs(true.output_currents).max())
            self.near(got.node_voltages, true.node_voltages, volts)
            self.near(got.output_voltages, true.output_voltages, volts)
            self.near(got.output_currents, true.output_currents, amperes)
            self.near(got.input_currents, true.input_currents, amperes)

    def test_currents_balance(self, circuit: Circuit) -> None:
        network = circuit.network
        laplacian = (network.incidence.T @ (network.incidence.toarray() * circuit.conductances[:, None])).T
        for drive in self.phases(network).values():
            got = circuit.measure(drive)
            flows = [(s, got.input_currents[:, k]) for k, s in enumerate(network.inputs)]
            flows += [(p, got.output_currents[:, k]) for k, p in enumerate(network.outputs)]  # type: ignore[misc]
            flows += [(s, np.full(drive.count, s.value)) for s in network.fixed_sources if s.kind == "current"]
            leaving = got.node_voltages @ laplacian
            for port, current in flows:
                for node, sign in ((port.plus, 1.0), (port.minus, -1.0)):
                    if node != GROUND:
                        leaving[:, network.node_index[node]] -= sign * current
            loose = {n for s in network.fixed_sources if s.kind == "voltage" for n in (s.plus, s.minus)} | {GROUND}
            checked = [k for k, name in enumerate(network.nodes) if name not in loose]
            size = np.abs(got.edge_drops() * circuit.conductances).max()
            self.near(leaving[:, checked], np.zeros((drive.count, len(checked))), size)

    def test_power_balances(self, circuit: Circuit) -> None:
        network = circuit.network
        if any(source.kind == "voltage" for source in network.fixed_sources):
            pytest.skip("the current of a fixed voltage source is not measured")
        for drive in self.phases(network).values():
            got = circuit.measure(drive)
            delivered = (got.output_voltages * got.output_currents).sum(1)
            for k, source in enumerate(network.inputs):
                delivered += _voltage(got, network, source.plus, source.minus) * got.input_currents[:, k]
            self.near(got.power, delivered)
            self.near(got.power, got.edge_drops() ** 2 @ circuit.conductances)

    def test_superposition(self, circuit: Circuit) -> None:
        network = circuit.network
        drive = self.phases(network)["inject"]
        assert isinstance(drive.outputs, Inject)
        zero = circuit.measure(Drive(np.zeros_like(drive.inputs), Inject(np.zeros_like(drive.outputs.current))))
        both = circuit.measure(drive)
        one = circuit.measure(Drive(drive.inputs, Open()))
        two = circuit.measure(Drive(np.zeros_like(drive.inputs), drive.outputs))
        self.near(both.node_voltages + zero.node_voltages, one.node_voltages + two.node_voltages)

    def test_reciprocity(self, circuit: Circuit) -> None:
        outputs = len(circuit.network.outputs)
        rest = np.zeros((outputs, len(circuit.network.inputs)))
        base = circuit.measure(Drive(rest, Inject(np.zeros((outputs, outputs))))).output_voltages
        unit = np.eye(outputs) * circuit.network.conductances.mean()
        transfer = circuit.measure(Drive(rest, Inject(unit))).output_voltages - base
        self.near(transfer, transfer.T, scale=float(np.abs(transfer).max() + np.abs(base).max()))

    def test_scaling_conductances_scales_currents(self, circuit: Circuit) -> None:
        drive = self.phases(circuit.network)["hold"]
        if any(source.kind == "current" for source in circuit.network.sources):
            pytest.skip("current sources do not scale")
        before = circuit.measure(drive)
        circuit.program(2 * circuit.conductances)
        after = circuit.measure(drive)
        self.near(after.node_voltages, before.node_voltages)
        self.near(after.output_currents, 2 * before.output_currents)
        self.near(after.power, 2 * before.power)


def _voltage(measured: Measurement, network: Network, plus: str, minus: str) -> Array:
    """(S,) voltage between two nodes."""
    voltages = {name: measured.node_voltages[:, k] for name, k in network.node_index.items()}
    zero = np.zeros(len(measured.node_voltages))
    return voltages.get(plus, zero) - voltages.get(minus, zero)
