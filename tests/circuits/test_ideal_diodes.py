"""Ideal diodes: the least power within bounds, by scipy; biases learn from a contrast of drops; deep resistive networks."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import lsq_linear

from hwlearn import Drive, EquilibriumPropagation, Hold, Inject, Network, NewtonCircuit, NgspiceCircuit, Source, Task, train
from hwlearn.circuits.newton.complementarity import Bounded
from hwlearn.errors import ModelError
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import deep_resistive
from hwlearn.network.devices import Bias, IdealDiode
from hwlearn.network.devices.ideal_diode import steepest
from hwlearn.network.edges import Element


def random_network(seed: int) -> Network:
    """A random graph with diodes from and to ground and a rail, biases, and parallel edges."""
    random = np.random.default_rng(seed)
    nodes = [f"n{k}" for k in range(8)]
    edges = [(nodes[k], nodes[random.integers(k)]) for k in range(1, 8)]
    edges += [tuple(random.choice(nodes, 2, replace=False)) for _ in range(8)] + [("n7", "0"), ("rail", "n6")]
    biases = [Bias("b1", 10.0), Bias("b2", 10.0)]
    names = [f"R{k}" for k in range(len(edges))] + ["b1", "b2"]
    edges += [("n3", "0"), ("n4", "n5")]
    conductances = np.append(10 ** random.uniform(-1, 1, len(edges) - 2), 10 + random.normal(size=2))
    pairs = [("0", "n2"), ("n3", "0"), ("rail", "n4"), ("n5", "rail"), ("0", "n6"), ("n7", "0")]
    elements = [Element(f"D{k}", f"D{k} {a} {b} ideal", (a, b), "test") for k, (a, b) in enumerate(pairs)]
    return Network.from_edges(
        edges, conductances, names=names, inputs=["n0", "n1"], outputs=["n3", "n5"], devices=biases, elements=elements,
        directives=[steepest("ideal")], laws=[IdealDiode], fixed_sources=[Source("rail", "voltage", "rail", value=0.2)],
    )  # fmt: skip


def least_power(network: Network, inputs: np.ndarray, currents: np.ndarray) -> np.ndarray:
    """Node voltages that take least ½ Σ g Δv² − Σ b Δv − Σ J v within the diodes' bounds, by scipy's BVLS."""
    at = network.node_index
    biased = [at_edge for at_edge, name in enumerate(network.edge_names) if name.startswith("b")]
    g, b = network.conductances.copy(), np.zeros(len(network.edges))
    b[biased], g[biased] = g[biased] - 10.0, 0.0
    incidence = network.incidence.toarray()
    full, given = incidence.T @ (g[:, None] * incidence), incidence.T @ b
    given[[at["n3"], at["n5"]]] += currents
    fixed = {at["n0"]: inputs[0], at["n1"]: inputs[1], at["rail"]: 0.2} | ({at["0"]: 0.0} if "0" in at else {})
    free = [k for k in range(len(at)) if k not in fixed]
    known = np.zeros(len(at))
    known[list(fixed)] = list(fixed.values())
    bounds = {
        at["n2"]: (0, np.inf),
        at["n3"]: (-np.inf, 0),
        at["n4"]: (0.2, np.inf),
        at["n5"]: (-np.inf, 0.2),
        at["n6"]: (0, np.inf),
    }
    bounds[at["n7"]] = (-np.inf, 0)
    matrix, right = full[np.ix_(free, free)], given[free] - (full @ known)[free]
    lower, upper = np.array([bounds.get(k, (-np.inf, np.inf)) for k in free]).T
    root = cholesky(matrix)
    # ½ xᵀMx − rᵀx is ½ |R x − R⁻ᵀr|² and a constant. L-BFGS-B stops early on some of these; active sets end at the least.
    known[free] = lsq_linear(root, solve_triangular(root, right, trans="T"), (lower, upper), method="bvls", tol=1e-14).x
    return known


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_voltages_take_least_power_within_the_bounds(seed: int) -> None:
    network = random_network(seed)
    random = np.random.default_rng(seed + 1)
    inputs, currents = random.normal(size=(5, 2)), random.normal(size=(5, 2))
    found = NewtonCircuit(network).measure(Drive(inputs, Inject(currents))).node_voltages
    for sample in range(5):
        expected = least_power(network, inputs[sample], currents[sample])
        np.testing.assert_allclose(found[sample], expected, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 12))
def test_complementarity_holds_to_rounding(seed: int, size: int) -> None:
    """The conditions of Karush, Kuhn and Tucker say that it is the least; bounds on both sides."""
    random = np.random.default_rng(seed)
    square = random.normal(size=(size, size))
    matrix = square @ square.T + 0.1 * np.eye(size)
    right, lower = random.normal(size=(6, size)), random.normal(size=(6, size))
    upper = lower + random.uniform(0, 2, (6, size))
    lower[random.random((6, size)) < 0.3] = -np.inf
    upper[random.random((6, size)) < 0.3] = np.inf
    matrix[: size // 2, : size // 2] *= np.eye(size // 2)
    matrix += 2 * np.abs(matrix).sum() * np.eye(size) * random.integers(2)
    matrix += max(0.0, 0.1 - np.linalg.eigvalsh(matrix)[0]) * np.eye(size)
    x = Bounded(matrix, size // 2).solve(right, lower, upper)
    push, scale = x @ matrix - right, 1e-10
    assert (x >= lower - scale).all()
    assert (x <= upper + scale).all()
    assert (push[x > lower + scale] <= scale).all()
    assert (push[x < upper - scale] >= -scale).all()


def test_held_outputs_draw_what_kirchhoff_says() -> None:
    network = random_network(5)
    held = np.array([[-0.1, 0.1]])
    found = NewtonCircuit(network).measure(Drive([[1.0, -1.0]], Hold(held)))
    np.testing.assert_allclose(found.output_voltages, held, atol=1e-12)
    leaving = network.edge_currents(network.conductances, found.node_voltages) @ network.incidence.toarray()
    at = [network.node_index[name] for name in ("n3", "n5")]
    np.testing.assert_allclose(found.output_currents, leaving[:, at], atol=1e-12)


@pytest.mark.parametrize("twins", [True, False])
def test_directions_are_the_slopes_of_the_loss(twins: bool) -> None:
    network = deep_resistive([3, 6, 4, 2], twin_inputs=twins, seed=1)
    random = np.random.default_rng(0)
    values = np.maximum(network.conductances, 0.05)
    values[-12:] += random.normal(size=12) * 0.1
    network = network.with_conductances(values)
    inputs = random.normal(size=(5, 3))
    task = Task(np.hstack((inputs, -inputs)) if twins else inputs, random.normal(size=(5, 2)))
    rule = EquilibriumPropagation(1e-5, symmetric=True)
    found = rule.direction(NewtonCircuit(network), task)
    step = 1e-6
    for k in [*range(0, len(values), 5), *range(len(values) - 12, len(values))]:
        sides = [values.copy() for _ in range(2)]
        sides[0][k], sides[1][k] = values[k] + step, values[k] - step
        high, low = (task_loss(NewtonCircuit(network.with_conductances(side)), task)[0] for side in sides)
        assert found[k] == pytest.approx(-(high - low) / (2 * step), abs=2e-6 * np.abs(found).max() + 1e-8)


def test_contrasts_are_those_of_the_drops() -> None:
    network = random_network(8)
    circuit = NewtonCircuit(network)
    one = circuit.measure(Drive([[1.0, 0.3], [0.2, 0.5]], Inject([[0.1, 0.2], [0.3, -0.2]])))
    two = circuit.measure(Drive([[1.0, 0.3], [0.2, 0.5]]))
    expected = (one.edge_drops() ** 2 - two.edge_drops() ** 2).mean(axis=0)
    expected[-2:] = -2 * (one.edge_drops() - two.edge_drops()).mean(axis=0)[-2:]
    np.testing.assert_allclose(one.contrast(two), expected, atol=1e-14)


def by_hand(network: Network, sizes: tuple[int, int, int], task: Task, steps: list[np.ndarray], rate: float, nudge: float):
    """The training of one hidden layer as 20 lines of numpy: which diodes conduct, two nudges, products; conductances (E,)."""
    n, m, o = sizes
    first, second = (
        network.conductances[: n * m].reshape(n, m).copy(),
        network.conductances[n * m : -m - o].reshape(m, o).copy(),
    )
    bias, out_bias = (part - 100.0 for part in np.split(network.conductances[-m - o :].copy(), [m]))
    side = np.where(np.arange(m) < m // 2, 1, -1)

    def settle(x: np.ndarray, inject: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        norton, total = x @ first + bias, first.sum(axis=0) + second.sum(axis=1)
        conducting = side * norton < 0
        while True:
            free = ~conducting / total
            matrix = np.diag(second.sum(axis=0)) - second.T @ (free[:, None] * second)
            outputs = np.linalg.solve(matrix, inject + out_bias + (free * norton) @ second)
            now = side * (norton + second @ outputs) < 0
            if (now == conducting).all():
                return free * (norton + second @ outputs), outputs
            conducting = now

    for chosen in steps:
        change = [np.zeros_like(part) for part in (first, second, bias, out_bias)]
        for x, y in zip(task.inputs[chosen], task.targets[chosen], strict=True):
            error = settle(x, np.zeros(o))[1] - y
            for sign in (1, -1):
                h, v = settle(x, -sign * nudge * error)
                slopes = (x[:, None] - h) ** 2, (h[:, None] - v) ** 2, -2 * h, -2 * v
                for k, slope in enumerate(slopes):
                    change[k] -= sign * slope / (4 * nudge) / len(chosen)
        first, second, bias, out_bias = (
            part + rate * moved for part, moved in zip((first, second, bias, out_bias), change, strict=True)
        )
        first, second = np.maximum(first, 1e-6), np.maximum(second, 1e-6)
    return np.concatenate((first.ravel(), second.ravel(), bias + 100, out_bias + 100))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_a_training_is_that_of_numpy_step_by_step(dtype: str, tolerance: float) -> None:
    network, random = deep_resistive([10, 9, 3], seed=4), np.random.default_rng(0)
    inputs = 100 * random.uniform(size=(40, 10)) * (random.random((40, 10)) < 0.4)
    task = Task(np.hstack((inputs, -inputs)), np.eye(3)[random.integers(3, size=40)])
    circuit = NewtonCircuit(network, dtype=dtype)
    train(circuit, task, EquilibriumPropagation(0.1, symmetric=True), steps=20, batch_size=4, learning_rate=0.006, seed=7)
    steps = [order for epoch in (0, 1) for order in np.random.default_rng((7, epoch)).permutation(40).reshape(10, 4)]
    expected = by_hand(network, (20, 9, 3), task, steps, 0.006, 0.1)
    moved = np.abs(expected - network.conductances).max()
    np.testing.assert_allclose(circuit.conductances, expected, atol=tolerance * moved, rtol=1e-13)


def test_norton_currents_that_are_known_are_those_of_the_same_inputs_alone() -> None:
    network, random = deep_resistive([4, 6, 2], seed=0), np.random.default_rng(3)
    circuit, inputs = NewtonCircuit(network), 10 * random.normal(size=(3, 8))
    circuit.measure(Drive(inputs))
    for others in (inputs + 1, np.repeat(inputs, 2, axis=0), inputs[::-1], np.repeat(inputs[::-1], 2, axis=0), inputs[:2]):
        found = circuit.measure(Drive(others)).node_voltages
        np.testing.assert_array_equal(found, NewtonCircuit(network).measure(Drive(others)).node_voltages)
    circuit.program(2 * network.conductances)
    again = circuit.measure(Drive(inputs)).node_voltages
    np.testing.assert_allclose(
        again, NewtonCircuit(circuit.network.with_conductances(circuit.conductances)).measure(Drive(inputs)).node_voltages
    )


def test_many_samples_take_little_memory() -> None:
    """Both hidden layers and the outputs: 65 nodes are solved for, so 34 kB a sample if all were solved at once."""
    network = deep_resistive([3, 60, 60, 5], seed=0)
    circuit, inputs = NewtonCircuit(network), np.random.default_rng(0).normal(size=(2000, 6))
    tracemalloc.start()
    outputs = circuit.measure(Drive(inputs)).output_voltages
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 130e6
    chosen = [0, 777, 1999]
    np.testing.assert_allclose(outputs[chosen], circuit.measure(Drive(inputs[chosen])).output_voltages, atol=1e-12)


def test_xor_is_learnt_in_single_precision() -> None:
    network = deep_resistive([3, 8, 1], seed=2, gain=1.0)
    inputs = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1.0]])
    task = Task(10 * np.hstack((inputs, -inputs)), [[0.0], [1.0], [1.0], [0.0]])
    circuit = NewtonCircuit(network, dtype="float32")
    train(circuit, task, EquilibriumPropagation(0.1, symmetric=True), steps=3000, learning_rate=0.002)
    assert task_loss(circuit, task)[0] < 0.01


def test_single_precision_is_right_to_its_rounding() -> None:
    network = deep_resistive([20, 12, 3], seed=0)
    inputs = 100 * np.random.default_rng(1).normal(size=(7, 40))
    one, two = (NewtonCircuit(network, dtype=kind).measure(Drive(inputs)).output_voltages for kind in ("float32", "float64"))
    np.testing.assert_allclose(one, two, atol=2e-5 * np.abs(two).max())


def test_a_diode_between_driven_nodes_is_refused_by_name() -> None:
    element = Element("D1", "D1 in 0 ideal", ("in", "0"), "file:1")
    network = Network.from_edges(
        [("in", "a"), ("a", "b"), ("b", "0")],
        inputs=["in"],
        elements=[element],
        directives=[steepest("ideal")],
        laws=[IdealDiode],
    )
    with pytest.raises(ModelError, match="ideal diode from in to 0: both ends are driven"):
        NewtonCircuit(network)


def test_ngspice_comes_within_what_the_steepest_diode_leaves() -> None:
    """A junction of N = 0.01 drops some 9 mV, which divides on the way to the outputs."""
    network = deep_resistive([4, 8, 2], seed=3)
    values = network.conductances.copy()
    values[-10:] += np.random.default_rng(0).normal(size=10)
    network = network.with_conductances(values)
    inputs = 10 * np.random.default_rng(1).normal(size=(6, 4))
    drive = Drive(np.hstack((inputs, -inputs)))
    exact = NewtonCircuit(network).measure(drive)
    with NgspiceCircuit(network) as circuit:
        found = circuit.measure(drive)
    difference = np.abs(found.node_voltages - exact.node_voltages).max()
    assert 1e-6 < difference < 0.012
