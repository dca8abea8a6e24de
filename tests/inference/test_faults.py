"""`find_faults` on circuits with one fault, known tolerances and noise."""

from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive, ExactCircuit, Hold, Inject
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.inference.faults import Accuracy, Probe, find_faults

NETWORK = load_experiment(Path(__file__).parents[2] / "netlists" / "allostery-bench.toml").network
UNEVEN = 3 ** np.random.default_rng(42).uniform(-1, 1, len(NETWORK.edges))
NETWORK = NETWORK.with_conductances(np.clip(NETWORK.conductances * UNEVEN, NETWORK.lower, NETWORK.upper))
DRIVES = [Drive([[0.0], [1.0], [-1.0]]), Drive([[0.0], [0.0], [1.0]], Inject([[3e-4], [-3e-4], [3e-4]]))]
READ = [k for k, name in enumerate(NETWORK.nodes) if name != "n11"]
SEEN = [k for k, name in enumerate(NETWORK.edge_names) if name != "R1"]  # R1 lies across the source VS
NOISE, TOLERANCE = 1e-5, 0.003


def measure(random, conductances):
    """Node voltages of the phases, with tolerance, inexact sources and noise."""
    true = conductances * (1 + TOLERANCE * random.uniform(-1, 1, len(conductances)))
    voltages = []
    with ExactCircuit(NETWORK) as circuit:
        circuit.program(true)
        for drive in DRIVES:
            inputs = drive.inputs + 5e-5 * random.standard_normal(drive.inputs.shape)
            seen = circuit.measure(Drive(inputs, drive.outputs)).node_voltages.copy()
            seen[:, READ] += NOISE * random.standard_normal((len(seen), len(READ)))
            voltages.append(seen)
    return voltages


def diagnose(voltages):
    accuracy = Accuracy(NOISE, conductance=TOLERANCE / 3**0.5, source=1e-4)
    return find_faults(NETWORK, probes(voltages), accuracy)


def probes(voltages):
    return [Probe(NETWORK.conductances, drive, seen) for drive, seen in zip(DRIVES, voltages, strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_each_fault_is_named_and_a_clean_bench_is_clean(seed):
    random = np.random.default_rng(seed)
    clean = diagnose(measure(random, NETWORK.conductances))
    assert clean.explained
    assert clean.faults == ()
    assert clean.unseen == ("R1",)

    edge = int(random.choice(SEEN))
    for factor, kind in ((1.05, "edge"), (0.95, "edge"), (1e-8, "open edge")):
        conductances = NETWORK.conductances.copy()
        conductances[edge] *= factor
        found = diagnose(measure(random, conductances))
        assert [(fault.kind, fault.names) for fault in found.faults] == [(kind, (NETWORK.edge_names[edge],))]
        assert found.faults[0].size == pytest.approx(factor - 1, abs=0.01)
        assert found.factors[edge] == pytest.approx(factor, abs=0.01)
        assert np.delete(found.factors, edge) == pytest.approx(1)
        assert found.explained

    one, two = (int(k) for k in random.choice(READ, 2, replace=False))
    shifted = measure(random, NETWORK.conductances)
    for seen in shifted:
        seen[:, one] += 1e-3
    found = diagnose(shifted)
    (offset,) = found.faults
    np.testing.assert_allclose(found.voltages[:, one], np.concatenate(shifted)[:, one] - 1e-3, atol=1e-4)
    assert (offset.kind, offset.names) == ("offset", (NETWORK.nodes[one],))
    assert offset.size == pytest.approx(1e-3, abs=1e-4)

    swapped = measure(random, NETWORK.conductances)
    for seen in swapped:
        seen[:, [one, two]] = seen[:, [two, one]]
    found = diagnose(swapped)
    (swap,) = found.faults
    np.testing.assert_array_equal(found.voltages[:, one], np.concatenate(swapped)[:, two])
    assert swap.kind == "swapped channels"
    assert set(swap.names) == {NETWORK.nodes[one], NETWORK.nodes[two]}


def test_two_faults_are_both_named():
    random = np.random.default_rng(5)
    conductances = NETWORK.conductances.copy()
    conductances[7] *= 0.8
    voltages = measure(random, conductances)
    for seen in voltages:
        seen[:, READ[3]] -= 2e-3
    found = diagnose(voltages)
    assert {fault.names for fault in found.faults} == {("R8",), (NETWORK.nodes[READ[3]],)}
    assert found.explained


def test_what_no_fault_explains_is_said():
    random = np.random.default_rng(6)
    voltages = [seen + 0.05 * random.standard_normal(seen.shape) for seen in measure(random, NETWORK.conductances)]
    assert not diagnose(voltages).explained


def test_held_outputs_and_no_noise_are_refused():
    voltages = measure(np.random.default_rng(0), NETWORK.conductances)
    with pytest.raises(HwlearnError, match="noise"):
        find_faults(NETWORK, probes(voltages), Accuracy(0.0))
    with pytest.raises(HwlearnError, match="held"):
        find_faults(NETWORK, [Probe(NETWORK.conductances, Drive([[1.0]], Hold([[0.1]])), voltages[0])], Accuracy(1e-5))
