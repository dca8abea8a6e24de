"""The suite that every `Circuit` passes, shipped for third-party backends, and the dense solve it is checked against::

    class TestMyCircuit(CircuitContract):
        tolerance = 1e-6
        def make(self, network):
            return MyCircuit(network)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit, Drive, Hold, Inject, Measurement, Open, Outputs
from hwlearn.errors import HwlearnError
from hwlearn.network import Network, Source
from hwlearn.network.builders import grid, kite, wheatstone
from hwlearn.text import GROUND


def contract_networks() -> dict[str, Network]:
    """Small networks that have, between them, every kind of source and port."""
    random = np.random.default_rng(7)

    def decades(edges: int) -> Array:
        return 10 ** random.uniform(-4, -2, edges)

    divider = [("a", "m"), ("m", "0"), ("m", "k"), ("k", "0")]
    mixed = {
        "inputs": ["n0_0", "n2_2,n0_2", "I(n1_1)", "I(n2_0,n0_1)"],
        "outputs": ["n1_2", "n1_0,n2_1", "n2_2"],
        "fixed_sources": [
            Source("Vshift", "voltage", "n0_1", "n0_2", 0.25),
            Source("Ibias", "current", "n2_1", GROUND, 1e-4),
        ],
    }
    return {
        "divider": Network.from_edges(divider, decades(4), inputs=["a"], outputs=["m", "k"]),
        "kite": kite(decades(6)),
        "bridge": wheatstone(decades(5), outputs=["T,W", "T"]),
        "mixed": grid(3, 3, decades(12), **mixed),
    }


@dataclass(frozen=True)
class NodalSolution:
    """Answer of `modified_nodal`; shapes and signs as in `Measurement`."""

    node_voltages: Array
    output_voltages: Array
    output_currents: Array
    input_currents: Array


def modified_nodal(network: Network, conductances: Array, drive: Drive) -> NodalSolution:
    """Dense modified nodal analysis: Kirchhoff's current law at each node, one equation per voltage source.

    Slow and independent of the backends: no merging, no reduction, one LU solve for everything.
    """
    nodes, index = len(network.nodes), network.node_index
    inputs, imposed = drive.fitted(network)
    held = isinstance(drive.outputs, Hold)

    def ends(plus: str, minus: str) -> Array:
        column = np.zeros(nodes)
        for name, sign in ((plus, 1.0), (minus, -1.0)):
            if name != GROUND:
                column[index[name]] += sign
        return column

    laplacian = np.zeros((nodes, nodes))
    for edge, g in zip(network.edges, conductances, strict=True):
        column = ends(edge.tail, edge.head)
        laplacian += g * np.outer(column, column)
    ties, values = [], []
    injected = np.zeros((drive.count, nodes))
    if GROUND in index:  # a ground that is a node is tied to zero
        column = np.zeros(nodes)
        column[index[GROUND]] = 1.0
        ties.append(column)
        values.append(np.zeros(drive.count))
    order: dict[int, int] = {}
    for k, source in enumerate(network.sources):
        amount = inputs[:, k] if k < len(network.inputs) else np.full(drive.count, source.value)
        if source.kind == "voltage":
            order[k] = len(ties)
            ties.append(ends(source.plus, source.minus))
            values.append(amount)
        else:
            injected += np.outer(amount, ends(source.plus, source.minus))
    outputs = np.array([ends(port.plus, port.minus) for port in network.outputs]).reshape(-1, nodes)
    sources = len(ties)
    if held and imposed is not None:
        ties += list(outputs)
        values += list(imposed.T)
    elif imposed is not None:
        injected += imposed @ outputs
    tied = np.array(ties).reshape(-1, nodes)
    system = np.block([[laplacian, -tied.T], [tied, np.zeros((len(tied), len(tied)))]])
    right = np.vstack((injected.T, np.array(values).reshape(-1, drive.count)))
    solution = np.linalg.solve(system, right).T
    voltages, currents = solution[:, :nodes], solution[:, nodes:]
    delivered = inputs.copy()
    for k, position in order.items():
        if k < len(network.inputs):
            delivered[:, k] = currents[:, position]
    port_currents = np.zeros((drive.count, len(outputs)))
    if imposed is not None:
        port_currents = currents[:, sources:] if held else np.array(imposed)
    return NodalSolution(voltages, voltages @ outputs.T, port_currents, delivered)


class CircuitContract:
    """Subclass it, write `make`, set `tolerance`: pytest then runs what every circuit must do.

    Attributes:
        tolerance: accepted error, relative to the largest voltage, current or power of the phase.
        realised: accepted relative error of a programmed conductance (quantised devices).
    """

    tolerance = 1e-12
    realised = 1e-12

    def make(self, network: Network) -> Circuit:
        """The circuit under test."""
        raise NotImplementedError("write make(network) in your subclass")

    @pytest.fixture(params=list(contract_networks()))
    def circuit(self, request: pytest.FixtureRequest) -> Iterator[Circuit]:
        """The circuit under test, for each of the contract's networks."""
        with self.make(contract_networks()[request.param]) as made:
            yield made

    def phases(self, network: Network, samples: int = 3) -> dict[str, Drive]:
        """An open, an injected and a held drive of sizes that suit the network."""
        random = np.random.default_rng(11)
        shape = (samples, len(network.outputs))
        scale = np.array([1.0 if s.kind == "voltage" else network.conductances.mean() for s in network.inputs])
        inputs = random.uniform(-1, 1, (samples, len(network.inputs))) * scale
        kinds: dict[str, Outputs] = {
            "open": Open(),
            "inject": Inject(random.uniform(-0.2, 0.2, shape) * network.conductances.mean()),
            "hold": Hold(random.uniform(-1, 1, shape)),
        }
        return {name: Drive(inputs, outputs) for name, outputs in kinds.items()}

    def near(self, one: Array, two: Array, scale: float | None = None) -> None:
        """Assert agreement to `tolerance` of the larger of both, or of `scale`."""
        assert one.shape == two.shape
        size = max(np.abs(one).max(initial=0.0), np.abs(two).max(initial=0.0)) if scale is None else scale
        np.testing.assert_allclose(one, two, rtol=0, atol=self.tolerance * size)

    def test_agrees_with_modified_nodal_analysis(self, circuit: Circuit) -> None:
        for drive in self.phases(circuit.network).values():
            got, true = circuit.measure(drive), modified_nodal(circuit.network, circuit.conductances, drive)
            volts = np.abs(true.node_voltages).max()
            amperes = max(np.abs(true.input_currents).max(), np.abs(true.output_currents).max())
            self.near(got.node_voltages, true.node_voltages, volts)
            self.near(got.output_voltages, true.output_voltages, volts)
            self.near(got.output_currents, true.output_currents, amperes)
            self.near(got.input_currents, true.input_currents, amperes)

    def test_shapes(self, circuit: Circuit) -> None:
        network = circuit.network
        for drive in self.phases(network, samples=2).values():
            got = circuit.measure(drive)
            assert got.node_voltages.shape == (2, len(network.nodes))
            assert got.output_voltages.shape == got.output_currents.shape == (2, len(network.outputs))
            assert got.input_currents.shape == (2, len(network.inputs))
            assert got.power.shape == (2,)
            assert got.edge_drops().shape == (2, len(network.edges))
            assert got.provenance

    def test_imposes_what_the_drive_says(self, circuit: Circuit) -> None:
        phases = self.phases(circuit.network)
        hold, inject = phases["hold"].outputs, phases["inject"].outputs
        assert isinstance(hold, Hold)
        assert isinstance(inject, Inject)
        self.near(circuit.measure(phases["hold"]).output_voltages, hold.voltage)
        self.near(circuit.measure(phases["inject"]).output_currents, inject.current)
        assert not circuit.measure(phases["open"]).output_currents.any()

    def test_drops_are_kirchhoffs_voltage_law(self, circuit: Circuit) -> None:
        for drive in self.phases(circuit.network).values():
            got = circuit.measure(drive)
            self.near(got.edge_drops(), got.node_voltages @ circuit.network.incidence.T.toarray())
            weights = np.array([0.2, 0.5, 0.3])
            self.near(got.mean_square_drops(), (got.edge_drops() ** 2).mean(0))
            self.near(got.mean_square_drops(weights), weights @ got.edge_drops() ** 2)

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

    def test_many_samples_are_the_same_as_one_by_one(self, circuit: Circuit) -> None:
        for drive in self.phases(circuit.network, samples=5).values():
            together = circuit.measure(drive)
            for k in range(drive.count):
                alone = circuit.measure(Drive(drive.inputs[k : k + 1], _row(drive.outputs, k)))
                self.near(together[k : k + 1].node_voltages, alone.node_voltages)
                self.near(together[k : k + 1].output_currents, alone.output_currents)

    def test_contrast(self, circuit: Circuit) -> None:
        phases = self.phases(circuit.network)
        free = circuit.measure(phases["open"])
        for name in ("inject", "hold"):
            nudged = circuit.measure(phases[name])
            expected = (nudged.edge_drops() ** 2 - free.edge_drops() ** 2).mean(0)
            self.near(nudged.contrast(free), expected, scale=float((nudged.edge_drops() ** 2).max()))

    def test_program_says_what_was_realised(self, circuit: Circuit) -> None:
        wanted = 1.7 * circuit.network.conductances
        realised = circuit.program(wanted)
        np.testing.assert_allclose(realised, wanted, rtol=self.realised)
        np.testing.assert_array_equal(circuit.conductances, realised)
        wanted[:] = 1.0
        np.testing.assert_array_equal(circuit.conductances, realised)

    def test_measuring_does_not_reprogram(self, circuit: Circuit) -> None:
        before = circuit.conductances.copy()
        drive = self.phases(circuit.network)["open"]
        first = circuit.measure(drive).node_voltages
        for other in self.phases(circuit.network).values():
            circuit.measure(other)
        np.testing.assert_array_equal(circuit.conductances, before)
        self.near(circuit.measure(drive).node_voltages, first)

    def test_earlier_measurements_stay_as_they_were(self, circuit: Circuit) -> None:
        drive = self.phases(circuit.network)["hold"]
        got = circuit.measure(drive)
        true = modified_nodal(circuit.network, circuit.conductances, drive).node_voltages
        circuit.program(3 * circuit.conductances)
        circuit.measure(self.phases(circuit.network)["open"])
        self.near(got.node_voltages, true)

    def test_bad_conductances_change_nothing(self, circuit: Circuit) -> None:
        before = circuit.conductances.copy()
        for bad in (np.nan, np.inf, 0.0, -1.0):
            wanted = before.copy()
            wanted[0] = bad
            with pytest.raises(HwlearnError, match=circuit.network.edge_names[0]):
                circuit.program(wanted)
        with pytest.raises(HwlearnError, match="shape"):
            circuit.program(before[:-1])
        np.testing.assert_array_equal(circuit.conductances, before)

    def test_bad_drives_are_refused(self, circuit: Circuit) -> None:
        network = circuit.network
        inputs = np.zeros((2, len(network.inputs)))
        outputs = np.zeros((2, len(network.outputs)))
        wrong: list[tuple[Array, Outputs]] = [
            (np.zeros((2, len(network.inputs) + 1)), Open()),
            (inputs, Hold(np.zeros((2, len(network.outputs) + 1)))),
            (inputs, Inject(outputs[:1].repeat(3, axis=0))),
        ]
        for bad_inputs, bad_outputs in wrong:
            with pytest.raises(HwlearnError):
                circuit.measure(Drive(bad_inputs, bad_outputs))
        with pytest.raises(HwlearnError):
            Drive(inputs * np.nan)

    def test_closed_is_closed(self, circuit: Circuit) -> None:
        circuit.close()
        circuit.close()
        with pytest.raises(HwlearnError, match="closed"):
            circuit.measure(self.phases(circuit.network)["open"])
        with pytest.raises(HwlearnError, match="closed"):
            circuit.program(circuit.conductances)


def _voltage(measured: Measurement, network: Network, plus: str, minus: str) -> Array:
    """(S,) voltage between two nodes."""
    voltages = {name: measured.node_voltages[:, k] for name, k in network.node_index.items()}
    zero = np.zeros(len(measured.node_voltages))
    return voltages.get(plus, zero) - voltages.get(minus, zero)


def _row(outputs: Outputs, sample: int) -> Outputs:
    if isinstance(outputs, Hold):
        return Hold(outputs.voltage[sample : sample + 1])
    if isinstance(outputs, Inject):
        return Inject(outputs.current[sample : sample + 1])
    return outputs
