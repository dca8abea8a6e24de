"""Drops of many samples are expanded part by part, whatever is asked of a measurement."""

import tracemalloc

import numpy as np
import pytest

from hwlearn import Drive, Network, NewtonCircuit
from hwlearn.circuits import measurement
from hwlearn.circuits.measurement import SampledMeasurement
from hwlearn.circuits.memristive import MemristiveCircuit
from hwlearn.network.builders import deep_resistive
from hwlearn.network.devices import VTEAM


def test_deep_resistive_networks_expand_some_samples_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drops of all samples of DRN-XS would be 12 GB; whatever is asked of a measurement, they are never there at once."""
    network = deep_resistive([30, 20, 3], gain=10.0, seed=0)
    inputs = np.random.default_rng(3).normal(size=(200, len(network.inputs)))
    circuit = NewtonCircuit(network)
    one, two = circuit.measure(Drive(inputs)), circuit.measure(Drive(0.5 * inputs))
    here, there = (got.node_voltages @ network.incidence.T.toarray() for got in (one, two))
    resistors = np.setdiff1d(np.arange(len(network.edges)), list(network.device_at))
    weights = np.random.default_rng(4).uniform(size=200)
    currents = network.edge_currents(network.conductances, one.node_voltages)
    peaks = []
    for numbers in (2**22, 2**13):
        monkeypatch.setattr(measurement, "AT_ONCE", numbers)
        tracemalloc.start()
        power, squares, contrast = one.power, one.mean_square_drops(weights), one.contrast(two)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        np.testing.assert_allclose(power, np.einsum("se,se->s", currents, here), rtol=1e-10)
        np.testing.assert_allclose(squares, weights @ here**2, rtol=1e-10)
        expected = (here**2 - there**2).mean(axis=0)
        np.testing.assert_allclose(contrast[resistors], expected[resistors], atol=1e-12 * np.abs(expected).max())
    assert 4 * peaks[1] < here.nbytes < peaks[0]


def test_memristors_that_rest_are_looked_at_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty of them side by side have twenty times as many drops as there are nodes."""
    names = [f"R{k}" for k in range(60)]
    devices = [VTEAM(name, 1e3, 1e5, "none", v_on=-10.0, v_off=10.0) for name in names]
    edges = [("a", "b")] * 60 + [("b", "0")]
    network = Network.from_edges(edges, 1e-4, inputs=["a"], outputs=["b"], names=[*names, "RL"], devices=devices)
    inputs = np.linspace(0, 1, 20)[:, None]

    def refuse(self: SampledMeasurement) -> None:
        pytest.fail(f"the drops of {len(self.voltages)} samples were all asked for")

    monkeypatch.setattr(SampledMeasurement, "edge_drops", refuse)
    with MemristiveCircuit(NewtonCircuit(network), 1e-3) as circuit:
        found = circuit.measure(Drive(inputs))
    np.testing.assert_allclose(found.output_voltages, inputs * 60 / 61, rtol=1e-9)
