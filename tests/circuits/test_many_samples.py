"""Many samples are measured, and contrasted, in parts: in little memory, and as if each were alone."""

import tracemalloc

import numpy as np
import pytest

from hwlearn import Circuit, Drive, EquilibriumPropagation, ExactCircuit, Inject, Network, NewtonCircuit, NgspiceCircuit, Task
from hwlearn.circuits import measurement
from hwlearn.circuits.newton import equations as newton
from hwlearn.circuits.newton import iteration
from hwlearn.circuits.ngspice import circuit as ngspice
from hwlearn.network import Element
from hwlearn.network.builders import grid

SAMPLES = 4000


def with_diodes(size: int) -> Network:
    """A grid with a junction across each of some nodes and ground."""
    plain = grid(size, size, outputs=["n2_2", "n1_2"])
    cards = [(f"D{k}", (f"n{k}_{k}", "0")) for k in range(1, size - 1)]
    elements = [Element(name, f"{name} {' '.join(ends)} junction", ends, "test") for name, ends in cards]
    edges = [(edge.tail, edge.head) for edge in plain.edges] + [("n0_1", "0")]
    return Network.from_edges(
        edges,
        inputs=["n0_0", f"n{size - 1}_{size - 1}"],
        outputs=["n2_2", "n1_2"],
        elements=elements,
        directives=[".model junction d(is=1e-9)"],
    )


def drive(samples: int) -> Drive:
    random = np.random.default_rng(0)
    return Drive(random.normal(size=(samples, 2)), Inject(0.1 * random.normal(size=(samples, 2))))


def traced(circuit: Circuit, given: Drive) -> tuple[np.ndarray, int]:
    """Contrast with the open outputs, and the most memory that it took [bytes]."""
    tracemalloc.start()
    found = circuit.measure(given).contrast(circuit.measure(Drive(given.inputs)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak


def test_parts_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sample has a matrix of 14² numbers, its slopes and drops; only voltages, currents and outputs are kept."""
    together, peak = traced(NewtonCircuit(with_diodes(4)), drive(SAMPLES))
    monkeypatch.setattr(newton, "AT_ONCE", 1e5)
    monkeypatch.setattr(measurement, "AT_ONCE", 10**4)
    in_parts, less = traced(NewtonCircuit(with_diodes(4)), drive(SAMPLES))
    assert less < 0.2 * peak
    assert less < 2 * 2 * 8 * SAMPLES * (16 + 3 * 2 + 2)
    np.testing.assert_allclose(in_parts, together, atol=1e-12)


@pytest.mark.parametrize("numbers", [300, 3000])
def test_parts_are_as_if_each_sample_were_alone(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    network, given = with_diodes(4), drive(23)
    whole = NewtonCircuit(network).measure(given)
    rest = NewtonCircuit(network).measure(Drive(given.inputs))
    drops, still = whole.edge_drops(), rest.edge_drops()
    weights = np.random.default_rng(1).uniform(size=23)
    monkeypatch.setattr(newton, "AT_ONCE", numbers)
    monkeypatch.setattr(measurement, "AT_ONCE", numbers)
    circuit = NewtonCircuit(network)
    found, open_ports = circuit.measure(given), circuit.measure(Drive(given.inputs))
    alone = [circuit.measure(Drive(given.inputs[k], Inject(given.outputs.imposed[k]))).node_voltages[0] for k in range(23)]
    np.testing.assert_allclose(found.node_voltages, alone, atol=1e-13)
    np.testing.assert_allclose(found.contrast(open_ports), (drops**2 - still**2).mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(found.mean_square_drops(), (drops**2).mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(found.mean_square_drops(weights), weights @ drops**2, atol=1e-13)
    np.testing.assert_allclose(found.power, drops**2 @ network.conductances, atol=1e-12)


def test_a_sample_without_an_answer_is_named_by_its_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "AT_ONCE", 1)
    monkeypatch.setattr(iteration, "ITERATIONS", 2)
    inputs = np.zeros((5, 2))
    inputs[3] = 5.0
    with pytest.raises(Exception, match="sample 3"):
        NewtonCircuit(with_diodes(4)).measure(Drive(inputs))


def test_the_exact_model_keeps_sources_and_outputs_alone() -> None:
    """4000 samples of 840 drops are 27 MB; a direction and the loss need none of them."""
    network = grid(21, 21, outputs=["n5_5", "n7_8"])
    task = Task(np.random.default_rng(0).normal(size=(SAMPLES, 2)), np.zeros((SAMPLES, 2)))
    circuit, rule = ExactCircuit(network), EquilibriumPropagation(symmetric=True)
    rule.read(circuit, task.batch(np.arange(3)))
    tracemalloc.start()
    rule.read(circuit, task)
    circuit.measure(Drive(task.inputs)).mean_square_drops()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_ngspice_reads_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """ngspice itself is fed and read in parts; what is kept are voltages and currents."""
    network, given = with_diodes(4), drive(1500)
    found, peaks = [], []
    for numbers in (2**20, 2**11):
        monkeypatch.setattr(ngspice, "AT_ONCE", numbers)
        with NgspiceCircuit(network) as circuit:
            circuit.measure(drive(1))
            tracemalloc.start()
            found.append(circuit.measure(given))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    whole, parts = found
    np.testing.assert_allclose(parts.node_voltages, whole.node_voltages, atol=1e-9)
    np.testing.assert_allclose(parts.output_currents, whole.output_currents, atol=1e-15)
    np.testing.assert_allclose(parts.input_currents, whole.input_currents, atol=1e-9)
    kept = 8 * 1500 * (16 + 2 + 2 + 2)
    assert peaks[1] < 3 * kept < peaks[0]
