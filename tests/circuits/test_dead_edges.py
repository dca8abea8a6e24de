"""Dead means gone: outputs, power, bounds and floors are those of the circuit without the edges, solved densely."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import (
    Circuit,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hold,
    ImperfectCircuit,
    Inject,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Task,
    train,
)
from hwlearn.analysis.robustness import robustness
from hwlearn.circuits.imperfect import DeadEdges, Noise, Quantised, StuckEdges, Tolerance
from hwlearn.errors import HwlearnError
from hwlearn.network.builders import grid, kite
from hwlearn.network.devices import Transistor
from hwlearn.testing.measured import Measured

KITE = np.array([1.0, 1.5, 1.3, 1.0, 1.0, 1.7])
NAMES = kite(KITE).edge_names


def solved(network: Network, conductances: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """(N,) V by a dense solve of Kirchhoff's current law; the inputs are voltages against ground. Zeros are no edges."""
    index = network.node_index
    laplacian = np.zeros((len(index), len(index)))
    for edge, g in zip(network.edges, conductances, strict=True):
        ends = np.zeros(len(index))
        ends[index[edge.tail]], ends[index[edge.head]] = 1, -1
        laplacian += g * np.outer(ends, ends)
    driven = [index[source.plus] for source in network.inputs]
    free = [k for k in index.values() if k not in driven]
    volts = np.zeros(len(index))
    volts[driven] = inputs
    volts[free] = np.linalg.solve(laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, driven)] @ inputs)
    return volts


def power(network: Network, conductances: np.ndarray, volts: np.ndarray) -> float:
    return sum(
        g * (volts[network.node_index[edge.tail]] - volts[network.node_index[edge.head]]) ** 2
        for edge, g in zip(network.edges, conductances, strict=True)
    )


def reached(network: Network, there: list[bool]) -> set[str]:
    """Nodes with a path to an input, by walking."""
    found = {source.plus for source in network.inputs}
    for _ in network.nodes:
        for edge, stays in zip(network.edges, there, strict=True):
            if stays and {edge.tail, edge.head} & found:
                found |= {edge.tail, edge.head}
    return found


@settings(max_examples=60, deadline=None)
@given(dead=st.lists(st.booleans(), min_size=12, max_size=12), seed=st.integers(0, 99))
def test_dead_edges_are_gone_or_named(dead: list[bool], seed: int) -> None:
    random = np.random.default_rng(seed)
    network = grid(3, 3, 10 ** random.uniform(-6, 0, 12), outputs=["n1_1", "n0_1"])
    names = [name for name, gone in zip(network.edge_names, dead, strict=True) if gone]
    floating = set(network.nodes) - reached(network, [not gone for gone in dead])
    if floating:
        with pytest.raises(HwlearnError, match="leak") as refused:
            ImperfectCircuit(ExactCircuit(network), DeadEdges(names))
        named = str(refused.value).split("connects ")[1].split(" to a")[0]
        assert set(named.split(" and ")[0].split(", ")) <= floating
        return
    inputs = random.uniform(-1, 1, len(network.inputs))
    with ImperfectCircuit(ExactCircuit(network), DeadEdges(names)) as circuit:
        got = circuit.measure(Drive([inputs]))
        left = np.where(dead, 0.0, network.conductances)
        true = solved(network, left, inputs)
        np.testing.assert_allclose(got.node_voltages[0], true, atol=1e-9)
        np.testing.assert_array_equal(circuit.real, left)
        np.testing.assert_array_equal(circuit.conductances, network.conductances)  # it does not know
        assert got.power == pytest.approx(power(network, left, true), rel=1e-9)


def test_a_circuit_of_dead_edges_only_is_refused_and_says_what_floats() -> None:
    with pytest.raises(HwlearnError, match=r"nothing connects T, W, M to a source or ground.*leak"):
        ImperfectCircuit(ExactCircuit(kite(KITE)), DeadEdges(NAMES))
    with pytest.raises(HwlearnError, match="connects M to"):
        ImperfectCircuit(ExactCircuit(kite(KITE)), DeadEdges(NAMES[4:5]), DeadEdges(NAMES[5:]))


@pytest.mark.parametrize("kind", [ExactCircuit, NgspiceCircuit, NewtonCircuit])
def test_a_leak_says_what_is_left(kind: type[Circuit]) -> None:
    network = kite(KITE)
    with ImperfectCircuit(kind(network), DeadEdges(NAMES, leak=1e-9)) as circuit:
        circuit.program(2 * KITE)
        got = circuit.measure(Drive([[1.0, 0.0]]))
        np.testing.assert_allclose(got.output_voltages, 0.5, rtol=1e-6)  # all alike: halves, not 0.6, 0.5 and 0.4
        assert got.power == pytest.approx(1e-9, rel=1e-6)  # two ways of two edges


@pytest.mark.parametrize("kind", [ExactCircuit, NgspiceCircuit, NewtonCircuit])
def test_all_phases_and_programming_without_a_dead_edge(kind: type[Circuit]) -> None:
    network, inputs = kite(KITE), np.array([[1.0, 0.0], [0.3, -0.2]])
    whole = KITE * [1, 2, 1, 3, 1, 1]
    with ImperfectCircuit(kind(network), DeadEdges([NAMES[1]])) as circuit, ExactCircuit(network.without([NAMES[1]])) as fewer:
        np.testing.assert_array_equal(circuit.program(whole), whole)
        fewer.program(np.delete(whole, 1))
        for outputs in ((), (Inject([[0.1, 0.0, -0.2]]),), (Hold([[0.6, 0.5, 0.4]]),)):
            got, true = circuit.measure(Drive(inputs, *outputs)), fewer.measure(Drive(inputs, *outputs))
            np.testing.assert_allclose(got.node_voltages, true.node_voltages, atol=1e-9)
            np.testing.assert_allclose(got.power, true.power, rtol=1e-8)
            np.testing.assert_allclose(got[1:].power, true.power[1:], rtol=1e-8)
            assert got.edge_drops().shape == (2, 6)


def test_a_dead_transistor_does_not_conduct_at_any_voltage() -> None:
    """A gate at its threshold is not enough: with an end below ground the channel would open, and the bulk's junction."""
    channel = Transistor("R3", transconductance=1e-3, threshold=0.7)
    ends, limits = [("A", "m"), ("m", "0"), ("A", "m")], (1e-9, 1e-2)
    network = Network.from_edges(ends, 1e-3, inputs=["A"], outputs=["m"], devices=[channel], bounds=limits)
    for volts in (0.1, -1.0, -30.0):
        with ImperfectCircuit(NewtonCircuit(network), DeadEdges(["R3"])) as circuit:
            got = circuit.measure(Drive([[volts]]))
            assert got.output_voltages[0, 0] == pytest.approx(volts / 2, rel=1e-9)
            assert got.power == pytest.approx(volts**2 * 0.5e-3, rel=1e-9)


def test_the_power_is_that_of_real_conductances_and_true_voltages() -> None:
    network = kite(KITE)
    circuit = ImperfectCircuit(ExactCircuit(network), Tolerance(0.3), StuckEdges([NAMES[0]]), Noise(0.05), seed=3)
    circuit.program(2 * KITE)
    true = solved(network, circuit.real, np.array([1.0, 0.0]))
    assert circuit.measure(Drive([[1.0, 0.0]])).power == pytest.approx(power(network, circuit.real, true), rel=1e-9)
    assert abs(circuit.real - circuit.conductances).max() > 0.1


def test_training_asks_for_no_more_than_the_levels_have() -> None:
    network = kite(KITE, bounds=(1e-3, 1e3))
    circuit = ImperfectCircuit(ExactCircuit(network), Quantised(11, 1.0, 2.0))
    np.testing.assert_array_equal(circuit.bounds, [[1.0] * 6, [2.0] * 6])
    task, rule = Task([[1.0, 0.0]], [[0.9, 0.8, 0.7]]), EquilibriumPropagation(0.1)  # out of reach
    kept = []
    train(circuit, task, rule, steps=50, learning_rate=2.0, callbacks=[lambda state: kept.append(state.snapshot()["wanted"])])
    assert np.max(kept) <= 2.0  # nothing is run up that would have to be run down again


def test_a_thing_cannot_be_made_again_without_an_edge() -> None:
    with pytest.raises(HwlearnError, match=r"R2: .*take the lead off"):
        ImperfectCircuit(Measured(ExactCircuit(kite(KITE))), DeadEdges([NAMES[1]]))


def test_robustness_of_dead_edges_is_that_of_the_smaller_circuit() -> None:
    network, task = kite(KITE), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
    found = robustness(network, task, EquilibriumPropagation(0.01, symmetric=True), only=["dead edges"], steps=100)
    assert [case.size for case in found.cases] == [1, 2, 3]
    assert found.cases[2].losses["none"] == pytest.approx(found.cases[2].predicted, rel=0.05)
    assert found.cases[2].predicted == pytest.approx(tree_loss(network, task, found.notes[0]), rel=1e-6)
    assert "not 4" in found.notes[0]


def tree_loss(network: Network, task: Task, note: str) -> float:
    """Least loss [V²] of what is left when the three edges of the note are dead: no loop, so all hang on one input."""
    dead = note.removeprefix("dead edges: ").split(" at most")[0].split(", ")
    left = [name not in dead for name in network.edge_names]
    volts = solved(network, np.where(left, 1.0, 0.0), task.inputs[0])
    outputs = np.array([volts[network.node_index[port.plus]] for port in network.outputs])
    assert len(set(np.round(outputs, 9))) == 1
    return 0.5 * float(((outputs - task.targets[0]) ** 2).sum())
