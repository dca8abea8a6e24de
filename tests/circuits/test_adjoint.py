"""A step on new samples takes a factorisation and two solutions for each output, and is what two dense phases tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import Drive, ExactCircuit, Hold, Inject, Network, Open, Source, Task
from hwlearn.circuits.exact import entering
from hwlearn.circuits.linalg import DenseCholesky, QdldlCholesky
from hwlearn.learning.rules import RULES
from hwlearn.network.builders import crossbar, grid
from hwlearn.testing.nodal import modified_nodal

INPUTS = ["n0_0", "n0_4", "n4_0", "n4_4", "n2_0", "n0_2", "n4_2", "n2_4,n3_4", "I(n3_1)"]


def lattice(seed: int, outputs: int) -> Network:
    """A grid with many inputs of all kinds, a bias, and conductances over two decades."""
    conductances = 10 ** np.random.default_rng(seed).uniform(-1, 1, 40)
    bias = [Source("bias", "voltage", "n1_1", value=0.7)]
    ports = ["n2_2", "n1_3,n3_3", "n3_2"][:outputs]
    return grid(5, 5, conductances, inputs=INPUTS, outputs=ports, fixed_sources=bias)


def task(network: Network, samples: int, seed: int) -> Task:
    random = np.random.default_rng(seed)
    return Task(random.normal(size=(samples, len(network.inputs))), random.normal(size=(samples, len(network.outputs))))


def by_phases(name: str, network: Network, task: Task, symmetric: bool, nudge: float) -> np.ndarray:
    """THEORY's contrast of two phases, each by a dense solve with every source's current as an unknown."""
    held = name in ("al", "dual-cl")

    def phase(outputs):
        return modified_nodal(network, network.conductances, Drive(task.inputs, outputs))

    free = phase(Hold(task.targets) if held else Open())
    error, currents = free.output_voltages - task.targets, free.output_currents
    impose = {
        "ep": lambda h: Inject(-h * error),
        "cl": lambda h: Hold(free.output_voltages - h * error),
        "al": lambda h: Hold(task.targets - h * currents),
        "dual-cl": lambda h: Inject((1 - h) * currents),
    }[name]

    def squares(measured):
        return ((measured.node_voltages @ network.incidence.T) ** 2).mean(axis=0)

    there = squares(phase(impose(-nudge))) if symmetric else squares(free)
    return (1 if held else -1) * (squares(phase(impose(nudge))) - there) / ((4 if symmetric else 2) * nudge)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("name", ["ep", "cl", "al", "dual-cl"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), outputs=st.integers(1, 3), samples=st.integers(1, 12))
def test_directions_on_new_samples(name: str, symmetric: bool, seed: int, outputs: int, samples: int) -> None:
    network = lattice(seed, outputs)
    rule = RULES.get(name)(0.1, symmetric=symmetric)
    circuit = ExactCircuit(network)
    for k in range(3):
        batch = task(network, samples, seed + k)
        expected = by_phases(name, network, batch, symmetric, 0.1)
        found = rule.direction(circuit, batch)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def bipartite(seed: int, kind: str) -> Network:
    """A crossbar; or nearly one: edges missing, shuffled, turned round, beside it, and a rail."""
    if kind == "crossbar":
        plain = crossbar(12, 3)
        return plain.with_conductances(10 ** np.random.default_rng(seed).uniform(-1, 0, len(plain.edges)))
    random = np.random.default_rng(seed)
    rows, columns = [*(f"x{k}" for k in range(10)), "rail"], [f"h{k}" for k in range(5)]
    edges = [(row, column) for row in rows for column in columns if random.random() < 0.8 or column == "h0" or row == "x0"]
    edges += [("h0", "h1"), ("h3", "h2"), ("h4", "0"), ("x0", "x1"), ("x2", "0")]
    edges = [pair if random.random() < 0.7 else pair[::-1] for pair in edges]
    random.shuffle(edges)
    rail = [Source("rail", "voltage", "rail", value=-0.4)]
    conductances = 10 ** random.uniform(-1, 0, len(edges))
    return Network.from_edges(edges, conductances, inputs=rows[:-1], outputs=["h1,h3", "h2"], fixed_sources=rail)


@pytest.mark.parametrize("kind", ["crossbar", "nearly"])
@pytest.mark.parametrize("name", ["ep", "cl", "al", "dual-cl"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.sampled_from([1, 2, 9, 20]), symmetric=st.booleans())
def test_directions_of_crossbars(name: str, kind: str, seed: int, samples: int, symmetric: bool) -> None:
    """Dense matrices in the place of edges."""
    network = bipartite(seed, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entering, "LEAST", 10)
        circuit = ExactCircuit(network)
        assert isinstance(circuit._entering, entering.DenseEntering)
    rule = RULES.get(name)(0.1, symmetric=symmetric)
    for k in range(2):
        batch = task(network, samples, seed + k)
        expected = by_phases(name, network, batch, symmetric, 0.1)
        found = rule.direction(circuit, batch)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
        outputs = modified_nodal(network, network.conductances, Drive(batch.inputs)).output_voltages
        np.testing.assert_allclose(circuit.measure(Drive(batch.inputs)).output_voltages, outputs, atol=1e-10)


@pytest.mark.parametrize("name", ["ep", "cl", "al"])
def test_right_hand_sides_are_two_for_each_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs were as many before: a column for each of ten sources."""
    rows = []
    for kind in (QdldlCholesky, DenseCholesky):
        solve = kind.solve
        monkeypatch.setattr(kind, "solve", lambda self, right, solve=solve: rows.append(len(right)) or solve(self, right))
    network = lattice(0, 3)
    circuit, rule = ExactCircuit(network), RULES.get(name)(0.1, symmetric=True)
    for k in range(4):
        circuit.program(network.conductances * (1 + 0.01 * k))
        if k > 1:  # the first steps also ask how far a factorisation can be trusted
            rows.clear()
        rule.direction(circuit, task(network, 7, k))
        assert k < 2 or sum(rows) == 6


@pytest.mark.parametrize(("samples", "products"), [(5, ["currents"]), (40, ["transfer", "currents"])])
def test_a_crossbars_matrix_is_read_in_place_and_multiplied_once_for_few_samples(
    samples: int, products: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = crossbar(40, 3)
    circuit, called, blocks = ExactCircuit(network), [], []
    for name in ("transfer", "currents"):
        method = getattr(entering.DenseEntering, name)

        def counted(self, block, values, name=name, method=method):
            called.append(name)
            blocks.append(block)
            return method(self, block, values)

        monkeypatch.setattr(entering.DenseEntering, name, counted)
    monkeypatch.setattr(entering, "LEAST", 10)
    RULES.get("ep")(symmetric=True).direction(circuit, task(network, samples, 0))
    assert called == products
    assert all(np.shares_memory(block, circuit.conductances) for block in blocks)


def test_weights_that_were_written_to_meanwhile_are_solved_for_anew() -> None:
    random, network = np.random.default_rng(0), crossbar(60, 5, seed=1)
    inputs, change = random.normal(size=(15, 60)), random.normal(size=(15, 5))
    answers, weights = ExactCircuit(network).answers(inputs)
    answers.open_outputs(weights)
    inputs *= 2.0
    fresh, same = ExactCircuit(network).answers(inputs)
    expected = fresh.contrast(same, change, 1.0, None)
    np.testing.assert_allclose(answers.contrast(weights, change, 1.0, None), expected, rtol=1e-9)


def test_a_measurement_of_older_conductances_does_not_spoil_what_comes_after() -> None:
    network = lattice(3, 2)
    circuit, batch = ExactCircuit(network), task(network, 30, 1)
    rule = RULES.get("cl")(0.1)
    old = circuit.measure(Drive(batch.inputs))
    circuit.program(2 * network.conductances)
    rule.direction(circuit, batch)
    before = old.node_voltages, old.input_currents  # solved for now, at the older conductances
    found = rule.direction(circuit, batch)
    twice = network.with_conductances(2 * network.conductances)
    np.testing.assert_allclose(found, rule.direction(ExactCircuit(twice), batch), rtol=1e-9)
    expected = modified_nodal(network, network.conductances, Drive(batch.inputs))
    np.testing.assert_allclose(before[0], expected.node_voltages, atol=1e-9)
    np.testing.assert_allclose(before[1], expected.input_currents, atol=1e-9)


@pytest.mark.parametrize("samples", [3, 400])
def test_measurements_of_many_inputs(samples: int) -> None:
    """Outputs without a column for each input; nodes, currents and powers when they are asked for."""
    names = [f"x{k}" for k in range(60)]
    random = np.random.default_rng(0)
    network = Network.from_edges(
        [(name, node) for name in names for node in "pq"] + [("p", "0")],
        random.uniform(0.1, 1, 121),
        inputs=names,
        outputs=["p,q"],
    )
    inputs, currents = random.normal(size=(samples, 60)), Inject(random.normal(size=(samples, 1)))
    circuit = ExactCircuit(network)
    for k in range(2):
        found = circuit.measure(Drive(inputs + k, currents))
        expected = modified_nodal(network, network.conductances, Drive(inputs + k, currents))
        for what in ("output_voltages", "node_voltages", "input_currents"):
            np.testing.assert_allclose(getattr(found, what), getattr(expected, what), rtol=1e-9, atol=1e-9, err_msg=what)
            drops = expected.node_voltages @ network.incidence.toarray().T
            np.testing.assert_allclose(found.power, drops**2 @ network.conductances, rtol=1e-9)
