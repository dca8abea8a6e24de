"""Edges whose gate learns: their law, Newton's method and ngspice against each other and against what is known of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from measured_bias import GatePair
from networks import networks
from newton import VOLT, agrees_with_ngspice, assert_balanced, with_bulk, with_transistors

from hwlearn import (
    Circuit,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hold,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Source,
    Task,
    Transistor,
    train,
    train_many,
)
from hwlearn.errors import HwlearnError, ModelError, NetworkError
from hwlearn.learning.train import task_loss
from hwlearn.network.devices.transistor import SquareLaw
from hwlearn.testing.circuits import CircuitContract


class TestNewton(CircuitContract):
    def make(self, network: Network) -> Circuit:
        return NewtonCircuit(with_bulk(with_transistors(network)))


class TestNgspice(TestNewton):
    tolerance = 1e-9

    def make(self, network: Network) -> Circuit:
        return NgspiceCircuit(with_bulk(with_transistors(network)))


# The law

volts = st.floats(-3, 3)


@given(plus=volts, minus=volts, gate=st.floats(0.01, 3))
def test_the_law(plus: float, minus: float, gate: float) -> None:
    """S (V_G − V_T − mean v) Δv up to pinch-off; its slopes by differences; current flows from high to low."""
    transistor = Transistor("R1", 1e-3, 0.5)
    law, g = SquareLaw(np.array([1e-3])), np.array([[transistor.conductance(gate + 0.5)]])

    def channel(*ends: float) -> tuple[float, list[float]]:
        """Current and its slopes."""
        current, slopes = law.currents(g, np.array(ends).reshape(2, 1, 1))
        return current.item(), [slope.item() for slope in slopes]

    current, slopes = channel(plus, minus)
    if max(plus, minus) <= gate:
        assert current == pytest.approx(1e-3 * (gate - (plus + minus) / 2) * (plus - minus), rel=1e-9, abs=1e-18)
    if min(plus, minus) >= gate:
        assert abs(current) < 1e-30
    assert current * (plus - minus) > -1e-30
    for step, slope in zip(([1e-6, 0], [0, 1e-6]), slopes, strict=True):
        rise = channel(plus + step[0], minus + step[1])[0] - channel(plus - step[0], minus - step[1])[0]
        assert rise / 2e-6 == pytest.approx(slope, abs=1e-9)


def test_gate_voltages() -> None:
    transistor = Transistor("M1", 2e-3, 0.7)
    assert transistor.conductance(1.2) == pytest.approx(1e-3)
    network = Network.from_edges([("a", "0"), ("a", "b")], 1e-3, inputs=["b"], names=["M1", "R1"], devices=[transistor])
    assert network.gate_voltages == pytest.approx({"M1": 1.2})
    assert network.with_conductances([4e-3, 1e-3]).gate_voltages == pytest.approx({"M1": 2.7})
    assert not network.linear


@pytest.mark.parametrize(
    ("transistor", "said"),
    [
        (Transistor("R9", 1e-3, 0.7), "'R9': no edge has this name"),
        (Transistor("R1", 0.0, 0.7), "'R1': transconductance is 0"),
        (Transistor("R1", 1e-3, np.nan), "'R1': threshold is nan"),
        (Transistor("R1", 1e-3, 0.7, saturation=-1.0), "'R1': saturation is -1"),
    ],
)
def test_transistors_that_make_no_sense_are_refused(transistor: Transistor, said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        Network.from_edges([("a", "0")], 1e-3, inputs=["a"], devices=[transistor])


# Whole circuits


@pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
@pytest.mark.parametrize("gates", [[2.145, 2.55], [1.5, 4.0], [1.2, 5.0]])
def test_the_published_pair_has_the_output_of_its_quadratic(kind: type[Circuit], gates: list[float]) -> None:
    known = GatePair()
    with kind(known.transistors(gates)) as circuit:
        outputs = circuit.measure(Drive([[known.inputs[0]], [known.inputs[1]]])).output_voltages[:, 0]
    expected = [float(known.output(gates, task)) for task in (0, 1)]
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-9)  # junctions of the bulk, 0.5 pA, are not in the quadratic


def drives(network: Network, seed: int, height: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scale = np.array([height if source.kind == "voltage" else 1e-4 for source in network.inputs])
    inputs = random.uniform(-1, 1, (3, len(network.inputs))) * scale
    return inputs, random.uniform(-1e-4, 1e-4, (3, len(network.outputs)))


@settings(max_examples=40, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1), height=st.sampled_from([0.5, 2.0, 5.0]))
def test_ngspice_agrees(network: Network, seed: int, height: float) -> None:
    """Unless a junction lies across sources that could drive kiloamperes."""
    network = with_transistors(network, seed)
    inputs, currents = drives(network, seed, height)
    agrees_with_ngspice(network, inputs, currents, 0.9)


@settings(max_examples=40, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_currents_balance_at_nodes_without_sources(network: Network, seed: int) -> None:
    network = with_transistors(network, seed)
    assume(network.devices)
    inputs, _ = drives(network, seed, 1.0)
    got = NewtonCircuit(network).measure(Drive(inputs[:1]))
    at = dict(zip(network.nodes, got.node_voltages[0].tolist(), strict=True))
    known = {transistor.edge: transistor for transistor in network.devices}
    flows = []
    for edge, g in zip(network.edges, network.conductances.tolist(), strict=True):
        plus, minus = at[edge.tail], at[edge.head]
        if edge.name not in known:
            flows.append((edge.tail, edge.head, g * (plus - minus)))
            continue
        transistor = known[edge.name]
        overdrive = g / transistor.transconductance
        squares = max(overdrive - minus, 0) ** 2 - max(overdrive - plus, 0) ** 2
        flows.append((edge.tail, edge.head, transistor.transconductance / 2 * squares))
        for node in edge[:2]:
            x = -at[node] / VOLT
            rise = np.expm1(x) if x > -3 else -1 - (3 / (np.e * x)) ** 3
            flows.append(("0", node, 1e-14 * rise - 1e-12 * at[node]))
    assert_balanced(network, at, inputs[0].tolist(), flows)


def test_ngspice_is_right_after_a_large_step() -> None:
    """From pinch-off to a held output: ngspice's own transistor would stay in its old state, and be called converged."""
    low, high = Source("VL", "voltage", "l", "0", 0.1), Source("VH", "voltage", "h", "0", 0.4)
    network = Network.from_edges(
        [("h", "m"), ("m", "l"), ("u", "m")],
        [0.85e-3 * 1.8, 0.85e-3 * 0.2, 1 / 500],
        inputs=["u"],
        outputs=["m"],
        fixed_sources=[low, high],
        devices=[Transistor("R1", 0.85e-3, 0.7), Transistor("R2", 0.85e-3, 0.7)],
    )
    with NgspiceCircuit(network) as circuit:
        circuit.measure(Drive([[4.0]]))
        current = circuit.measure(Drive([[-1.0]], Hold([[0.2]]))).output_currents[0, 0]
    expected = 1.2 / 500 - 0.85e-3 * (1.8 - 0.3) * 0.2 + 0.85e-3 / 2 * 0.1**2
    assert current == pytest.approx(expected, rel=1e-9)


# Learning


def slopes(circuit: Circuit, task: Task) -> np.ndarray:
    """−∂loss/∂g by central differences."""
    start, found = circuit.conductances, []
    for k, g in enumerate(start):
        losses = []
        for side in (1, -1):
            changed = start.copy()
            changed[k] += side * 1e-4 * g
            circuit.program(changed)
            losses.append(task_loss(circuit, task)[0])
        found.append((losses[1] - losses[0]) / (2e-4 * g))
    circuit.program(start)
    return np.array(found)


@pytest.mark.parametrize("kind", [NewtonCircuit, NgspiceCircuit])
def test_ep_is_steepest_descent_where_one_node_is_free(kind: type[Circuit]) -> None:
    """One free node: Newton's matrix is a number, so that its transpose is the same."""
    known = GatePair()
    task = Task([[known.inputs[0]], [known.inputs[1]]], [[known.targets[0]], [known.targets[1]]])
    with kind(known.transistors([1.5, 4.0])) as circuit:
        expected = slopes(circuit, task)
        direction = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
    np.testing.assert_allclose(direction[:2], expected[:2], rtol=0, atol=1e-6 * np.abs(expected).max())


def test_ep_is_near_steepest_descent_where_drops_are_small() -> None:
    """Channels have unlike slopes at their ends: the distance grows with drop over overdrive, and is gone with it."""
    edges = [("u", "a"), ("a", "b"), ("b", "0"), ("a", "c"), ("c", "0"), ("b", "c")]
    gates = np.array([2.0, 4.0, 3.0, 5.0, 2.5, 3.5])
    transistors = [Transistor(f"R{k + 1}", 0.85e-3, 0.7) for k in range(6)]
    network = Network.from_edges(edges, 0.85e-3 * (gates - 0.7), inputs=["u"], outputs=["a", "b"], devices=transistors)
    distances = []
    for height in (0.05, 0.5):
        task = Task([[height]], [[0.3 * height, 0.6 * height]])
        with NewtonCircuit(network) as circuit:
            expected = slopes(circuit, task)
            direction = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
        distances.append(np.linalg.norm(direction - expected) / np.linalg.norm(expected))
    assert distances[0] < 0.02
    assert 5 < distances[1] / distances[0] < 20


def test_a_step_of_gate_voltages() -> None:
    """ΔV_G = α S ġ."""
    network = GatePair().transistors([1.5, 4.0])
    task = Task([[0.4]], [[0.2]])
    rule = EquilibriumPropagation(1e-5, symmetric=True)
    with NewtonCircuit(network) as circuit:
        direction = rule.direction(circuit, task)
        result = train(circuit, task, rule, steps=1, learning_rate=3.0, parameter="gate-voltage")
    moved = np.array(list(network.with_conductances(result.conductances).gate_voltages.values())) - [1.5, 4.0]
    np.testing.assert_allclose(moved, 3.0 * 8.5e-4 * direction[:2], rtol=1e-9)


def test_gates_are_asked_for_where_there_are_none() -> None:
    network, task, rule = GatePair().transistors([1.5, 4.0]), Task([[0.4]], [[0.2]]), EquilibriumPropagation(1e-5)
    options = {"steps": 1, "learning_rate": 1.0, "parameter": "gate-voltage"}
    free = replace(network, trainable=np.ones(3, dtype=bool))
    with NewtonCircuit(free) as circuit, pytest.raises(HwlearnError, match="R3 has no gate"):
        train(circuit, task, rule, **options)
    with pytest.raises(HwlearnError, match="takes resistors alone"):
        train_many(replace(network, devices=()), task, rule, **options)


def test_what_is_for_resistors_only_refuses_transistors_by_name() -> None:
    network = GatePair().transistors([1.5, 4.0])
    with pytest.raises(ModelError, match=r"not for transistor R1; transistor R2\. .*NewtonCircuit"):
        ExactCircuit(network)
