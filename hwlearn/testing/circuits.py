"""The suite that every `Circuit` passes, shipped for third-party backends::

    class TestMyCircuit(CircuitContract):
        tolerance = 1e-6
        def make(self, network):
            return MyCircuit(network)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Inject, Open, Outputs, Pull
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.testing.nodal import contract_networks


class CircuitContract:
    """Subclass it, write `make`, set `tolerance`: pytest then runs what every circuit must do, a nonlinear one too.

    Attributes:
        tolerance: accepted error, relative to the largest voltage, current or power of the phase.
        realised: accepted relative error of a programmed conductance (quantised devices).
        pulls: whether outputs can be pulled by resistors; a bench without any refuses.
    """

    tolerance = 1e-12
    realised = 1e-12
    pulls = True

    def make(self, network: Network) -> Circuit:
        """The circuit under test."""
        raise NotImplementedError("write make(network) in your subclass")

    @pytest.fixture(params=list(contract_networks()))
    def circuit(self, request: pytest.FixtureRequest) -> Iterator[Circuit]:
        """The circuit under test, for each of the contract's networks."""
        with self.make(contract_networks()[request.param]) as made:
            yield made

    def phases(self, network: Network, samples: int = 3) -> dict[str, Drive]:
        """An open, an injected, a held and a pulled drive of sizes that suit the network."""
        random = np.random.default_rng(11)
        shape = (samples, len(network.outputs))
        scale = np.array([1.0 if s.kind == "voltage" else network.conductances.mean() for s in network.inputs])
        inputs = random.uniform(-1, 1, (samples, len(network.inputs))) * scale
        kinds: dict[str, Outputs] = {
            "open": Open(),
            "inject": Inject(random.uniform(-0.2, 0.2, shape) * network.conductances.mean()),
            "hold": Hold(random.uniform(-1, 1, shape)),
            "pull": self.pull(network, samples),
        }
        return {name: Drive(inputs, outputs) for name, outputs in kinds.items() if name != "pull" or self.pulls}

    def pull(self, network: Network, samples: int = 3) -> Pull:
        """Voltages behind resistors of the size of the network's."""
        return Pull(
            np.random.default_rng(12).uniform(-1, 1, (samples, len(network.outputs))), 0.7 * network.conductances.mean()
        )

    def near(self, one: Array, two: Array, scale: float | None = None) -> None:
        """Assert agreement to `tolerance` of the larger of both, or of `scale`."""
        assert one.shape == two.shape
        size = max(np.abs(one).max(initial=0.0), np.abs(two).max(initial=0.0)) if scale is None else scale
        np.testing.assert_allclose(one, two, rtol=0, atol=self.tolerance * size)

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

    def test_a_pull_is_the_current_through_its_resistor(self, circuit: Circuit) -> None:
        """Ohm's law, and injecting that current makes the same voltages."""
        inputs, pull = self.phases(circuit.network)["open"].inputs, self.pull(circuit.network)
        if not self.pulls:
            with pytest.raises(HwlearnError, match="resistor"):
                circuit.measure(Drive(inputs, pull))
            return
        got = circuit.measure(Drive(inputs, pull))
        current = pull.conductance * (pull.voltage - got.output_voltages)
        self.near(got.output_currents, current)
        self.near(circuit.measure(Drive(inputs, Inject(current))).node_voltages, got.node_voltages)

    def test_drops_are_kirchhoffs_voltage_law(self, circuit: Circuit) -> None:
        for drive in self.phases(circuit.network).values():
            got = circuit.measure(drive)
            self.near(got.edge_drops(), got.node_voltages @ circuit.network.incidence.T.toarray())
            weights = np.array([0.2, 0.5, 0.3])
            self.near(got.mean_square_drops(), (got.edge_drops() ** 2).mean(0))
            self.near(got.mean_square_drops(weights), weights @ got.edge_drops() ** 2)

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
        for name in phases.keys() - {"open"}:
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
        true, got = circuit.measure(drive).node_voltages.copy(), circuit.measure(drive)
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


def _row(outputs: Outputs, sample: int) -> Outputs:
    return outputs if isinstance(outputs, Open) else outputs.imposing(outputs.imposed[sample : sample + 1])
