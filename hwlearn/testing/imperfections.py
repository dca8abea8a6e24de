"""The suite that every `Effect` passes::

    class TestMyEffect(ImperfectionContract):
        def make(self):
            return MyEffect(1e-3)

Needs pytest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Hold, Inject, Outputs
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.imperfect import Effect, ImperfectCircuit
from hwlearn.network import Network
from hwlearn.testing.nodal import contract_networks


class ImperfectionContract:
    """Subclass it and write `make`: pytest then runs what every imperfection must do."""

    def make(self) -> Effect:
        """A new imperfection, the same each time."""
        raise NotImplementedError("write make in your subclass")

    @pytest.fixture(params=contract_networks())
    def network(self, request: pytest.FixtureRequest) -> Network:
        return contract_networks()[request.param]

    def circuit(self, network: Network, seed: int = 5) -> ImperfectCircuit:
        """The imperfection alone, on an exact circuit."""
        return ImperfectCircuit(ExactCircuit(network), self.make(), seed=seed)

    def test_equal_seeds_give_equal_readings(self, network: Network) -> None:
        with self.circuit(network) as one, self.circuit(network) as two:
            for values in zip(_story(one, 0, 4), _story(two, 0, 4), strict=True):
                np.testing.assert_array_equal(*values)

    def test_it_goes_on_from_a_snapshot(self, network: Network) -> None:
        with self.circuit(network) as one, self.circuit(network) as two:
            _story(one, 0, 3)
            kept = {name: value.copy() for name, value in one.snapshot().items()}
            wanted = _conductances(network, 2)
            two.restore(kept)
            two.program(wanted)
            one.program(wanted)
            for values in zip(_story(one, 3, 6), _story(two, 3, 6), strict=True):
                np.testing.assert_array_equal(*values)

    def test_the_circuit_keeps_positive_conductances_and_finite_voltages(self, network: Network) -> None:
        with self.circuit(network) as circuit:
            for values in _story(circuit, 0, 3):
                assert np.isfinite(values).all()
            for conductances in (circuit.conductances, circuit.inside.conductances):
                assert (conductances > 0).all()

    def test_what_it_is_given_stays_as_it_was(self, network: Network) -> None:
        effect, random = self.make(), np.random.default_rng(1)
        effect.begin(network, (network.lower, network.upper), np.random.default_rng(2))
        edges, outputs, nodes = len(network.edges), len(network.outputs), len(network.nodes)
        wanted = _frozen(_conductances(network, 1))
        volts, imposed = _frozen(random.normal(size=(3, nodes))), _frozen(random.normal(size=(3, outputs)))
        assert effect.believed(wanted).shape == effect.real(wanted, wanted).shape == (edges,)
        assert effect.read(volts, random).shape == volts.shape
        assert effect.read_currents(imposed, random).shape == imposed.shape
        for kind in (Hold, Inject):
            assert effect.imposed(imposed, kind(imposed)).shape == imposed.shape

    def test_what_is_truly_there_has_the_same_nodes_and_ports(self, network: Network) -> None:
        effect = self.make()
        effect.begin(network, (network.lower, network.upper), np.random.default_rng(2))
        there = effect.built(network)
        assert (there.nodes, there.sources, there.outputs) == (network.nodes, network.sources, network.outputs)
        assert set(there.edge_names) <= set(network.edge_names)

    def test_bounds_become_narrower_if_anything(self, network: Network) -> None:
        effect = self.make()
        effect.begin(network, (network.lower, network.upper), np.random.default_rng(2))
        lower, upper = effect.within((network.lower, network.upper))
        assert (lower >= network.lower).all()
        assert (upper <= network.upper).all()
        assert (lower <= upper).all()

    def test_its_noise_is_a_number(self) -> None:
        assert self.make().noise >= 0

    def test_a_snapshot_is_arrays_by_name(self, network: Network) -> None:
        with self.circuit(network) as circuit:
            _story(circuit, 0, 2)
            for name, value in circuit.snapshot().items():
                assert isinstance(name, str)
                assert isinstance(value, np.ndarray)


def _story(circuit: Circuit, first: int, end: int) -> list[Array]:
    """What a circuit has and reads, phase by phase."""
    network, told = circuit.network, list[Array]()
    for step in range(first, end):
        told.append(circuit.program(_conductances(network, step)))
        random = np.random.default_rng((11, step))
        inputs = random.uniform(-1, 1, (2, len(network.inputs)))
        held = 0.1 * random.uniform(-1, 1, (2, len(network.outputs)))
        for outputs in _phases(held):
            got = circuit.measure(Drive(inputs, *outputs))
            told += [got.node_voltages, got.output_voltages, got.output_currents, got.edge_drops()]
    return told


def _phases(held: Array) -> list[tuple[Outputs, ...]]:
    return [(), (Inject(1e-4 * held),), (Hold(held),)]


def _conductances(network: Network, step: int) -> Array:
    return network.conductances * np.random.default_rng((7, step)).uniform(0.5, 2, len(network.edges))


def _frozen(values: Any) -> Array:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
