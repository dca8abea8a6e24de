"""Ideal diodes between free nodes: the conditions of Karush, Kuhn and Tucker by scipy's NNLS, a quadratic program, ngspice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from hwlearn import Drive, EquilibriumPropagation, Hold, Inject, Network, NewtonCircuit, NgspiceCircuit, Pull, Source, Task
from hwlearn.errors import ModelError, SimulationError
from hwlearn.learning.train import task_loss
from hwlearn.network.devices import IdealDiode
from hwlearn.network.devices.ideal_diode import steepest
from hwlearn.network.edges import Element


def random_network(seed: int) -> Network:
    """A random graph whose diodes lie between any nodes but the inputs: in loops, back to back, from rails and to ground.

    Each leads from a lower to a higher node of a ladder, so that some voltages fulfil them all.
    """
    random = np.random.default_rng(seed)
    nodes = [f"n{k}" for k in range(9)]
    edges = [(nodes[k], nodes[random.integers(k)]) for k in range(1, 9)]
    edges += [tuple(random.choice(nodes, 2, replace=False)) for _ in range(7)] + [("n8", "0"), ("rail", "n7")]
    ladder = dict(zip(nodes[2:], random.uniform(-0.3, 0.5, 7), strict=True)) | {"rail": 0.2, "0": 0.0}
    ladder["n4"] = ladder["n3"]
    pairs = [tuple(sorted(random.choice([*ladder], 2, replace=False), key=ladder.__getitem__)) for _ in range(8)]
    pairs = [pair for pair in pairs if set(pair) != {"0", "rail"}] + [("n3", "n4")]
    if random.random() < 0.3:
        pairs.append(("n4", "n3"))
    elements = [Element(f"D{k}", f"D{k} {a} {b} ideal", (str(a), str(b)), "test") for k, (a, b) in enumerate(pairs)]
    return Network.from_edges(
        edges, 10 ** random.uniform(-1, 1, len(edges)), inputs=["n0", "n1"], outputs=["n3", "n5"], elements=elements,
        directives=[steepest("ideal")], laws=[IdealDiode], fixed_sources=[Source("rail", "voltage", "rail", value=0.2)],
    )  # fmt: skip


def statement(network: Network, inputs: np.ndarray, currents: np.ndarray) -> tuple[np.ndarray, ...]:
    """Minimise ½ xᵀKx − fᵀx with C x ≤ d, x the free nodes: K, f, C, d, and where these are."""
    at = network.node_index
    incidence = network.incidence.toarray()
    full, given = incidence.T @ (network.conductances[:, None] * incidence), np.zeros(len(at))
    given[[at["n3"], at["n5"]]] += currents
    known = {"n0": inputs[0], "n1": inputs[1], "rail": 0.2, "0": 0.0}
    fixed = [name for name in known if name in at]
    places = [at[name] for name in fixed]
    free = [k for k in range(len(at)) if k not in places]
    right = given[free] - full[np.ix_(free, places)] @ [known[name] for name in fixed]
    rows, limits = [], []
    for element in network.elements:
        row, limit = np.zeros(len(at)), 0.0
        for node, sign in zip(element.nodes, (1, -1), strict=True):
            if node in known:
                limit -= sign * known[node]
            else:
                row[at[node]] += sign
        rows.append(row[free])
        limits.append(limit)
    return full[np.ix_(free, free)], right, np.array(rows), np.array(limits), np.array(free)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_flows_is_pushed_by_diodes_that_conduct(seed: int) -> None:
    """No diode has a forward voltage, and f − K x is Σ λ C of those without a backward one, λ ≥ 0: no other x is so."""
    network = random_network(seed)
    random = np.random.default_rng(seed + 1)
    inputs, currents = random.normal(size=(5, 2)), random.normal(size=(5, 2))
    found = NewtonCircuit(network).measure(Drive(inputs, Inject(currents))).node_voltages
    for sample in range(5):
        matrix, right, rows, limits, free = statement(network, inputs[sample], currents[sample])
        x = found[sample, free]
        slack = rows @ x - limits
        assert slack.max() <= 1e-10
        conducting, flows = rows[slack > -1e-9].T, right - matrix @ x
        left = nnls(conducting, flows)[1] if conducting.size else np.linalg.norm(flows)  # scipy's nnls dies of no columns
        assert left <= 1e-9 * max(1.0, np.abs(right).max())


@pytest.mark.parametrize("seed", range(5))
def test_it_is_scipys_quadratic_program(seed: int) -> None:
    network = random_network(seed)
    matrix, right, rows, limits, free = statement(network, np.array([0.3, -0.4]), np.zeros(2))
    x = NewtonCircuit(network).measure(Drive([[0.3, -0.4]])).node_voltages[0, free]
    within = {"type": "ineq", "fun": lambda y: limits - rows @ y, "jac": lambda y: -rows}
    start, options = np.zeros(len(x)), {"ftol": 1e-14, "maxiter": 500}
    slope = lambda y: matrix @ y - right  # noqa: E731
    best = minimize(lambda y: 0.5 * y @ matrix @ y - right @ y, start, jac=slope, constraints=within, options=options).x
    np.testing.assert_allclose(x, best, atol=1e-5)


def test_diodes_that_contradict_each_other_are_told() -> None:
    elements = [
        Element(f"D{k}", f"D{k} {a} {b} ideal", (a, b), "t") for k, (a, b) in enumerate([("top", "a"), ("a", "b"), ("b", "0")])
    ]
    network = Network.from_edges(
        [("in", "a"), ("a", "b"), ("b", "0")], inputs=["in", "top"], outputs=["b"], elements=elements,
        directives=[steepest("ideal")], laws=[IdealDiode],
    )  # fmt: skip
    circuit = NewtonCircuit(network)
    np.testing.assert_allclose(circuit.measure(Drive([[0.5, 0.0]])).output_voltages, 0.0, atol=1e-12)
    with pytest.raises(SimulationError, match="above one voltage and below a lower one"):
        circuit.measure(Drive([[0.5, 1.0]]))


def test_ngspice_agrees_to_the_drop_of_its_junctions() -> None:
    network = random_network(3)
    inputs = np.random.default_rng(0).uniform(-1, 1, (4, 2))
    with NgspiceCircuit(network) as other:
        real = other.measure(Drive(inputs)).node_voltages
    np.testing.assert_allclose(NewtonCircuit(network).measure(Drive(inputs)).node_voltages, real, atol=0.03)
    single = NewtonCircuit(network, dtype="float32").measure(Drive(inputs)).node_voltages
    np.testing.assert_allclose(single, NewtonCircuit(network).measure(Drive(inputs)).node_voltages, atol=1e-4)


def test_directions_are_the_slopes_of_the_loss() -> None:
    network = random_network(3)
    circuit, task = NewtonCircuit(network), Task([[0.9, -0.4], [0.3, 0.8]], [[0.2, 0.1], [0.5, -0.1]])
    found = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
    by_resistor = EquilibriumPropagation(1e-6, symmetric=True, by="resistor").direction(circuit, task)
    start = network.conductances
    for k in range(len(start)):
        sides = []
        for sign in (1, -1):
            changed = start.copy()
            changed[k] += sign * 1e-6
            circuit.program(changed)
            sides.append(task_loss(circuit, task)[0])
        assert found[k] == pytest.approx(-(sides[0] - sides[1]) / 2e-6, abs=1e-5 * np.abs(found).max())
    np.testing.assert_allclose(by_resistor, found, atol=1e-4 * np.abs(found).max())


def test_holding_is_refused_and_pulling_is_not() -> None:
    circuit = NewtonCircuit(random_network(3))
    with pytest.raises(ModelError, match="cannot be held yet"):
        circuit.measure(Drive([[1.0, 0.0]], Hold([[0.1, 0.1]])))
    got = circuit.measure(Drive([[1.0, 0.0]], Pull([[0.1, 0.1]], 1e9)))
    np.testing.assert_allclose(got.output_voltages, [[0.1, 0.1]], atol=1e-6)
