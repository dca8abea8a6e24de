"""What is told of nonlinear circuits at their present conductances: against finite differences and linear networks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks
from newton import drive_inputs, with_bulk, with_diodes, with_transistors
from scipy.sparse import csr_array
from typer.testing import CliRunner

from hwlearn import Drive, EquilibriumPropagation, Network, NewtonCircuit, Task
from hwlearn.analysis import operating
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.operating import operating_point
from hwlearn.circuits.newton.matrices import DenseMatrices, GeneralMatrices, SymmetricMatrices
from hwlearn.cli import app
from hwlearn.errors import SimulationError, TaskError
from hwlearn.experiments import load_experiment
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import deep_resistive, grid
from hwlearn.network.devices import Bias

NETLISTS = Path(__file__).parents[2] / "netlists"


def task_for(network: Network, seed: int, volts: float = 1.0, count: int = 3) -> Task:
    targets = np.random.default_rng(seed + 1).uniform(-0.5, 0.5, (count, len(network.outputs)))
    return Task(drive_inputs(network, seed, volts, count), targets)


def differences(network: Network, inputs: np.ndarray) -> np.ndarray:
    """(S, n_out, E) V: g ∂o/∂g by central differences."""
    columns = []
    with NewtonCircuit(network) as circuit:
        for k in range(len(network.edges)):
            outputs = []
            for side in (1, -1):
                changed = network.conductances.copy()
                changed[k] *= 1 + side * 1e-4
                circuit.program(changed)
                outputs.append(circuit.measure(Drive(inputs)).output_voltages)
            columns.append((outputs[0] - outputs[1]) / 2e-4)
    return np.stack(columns, axis=2)


@settings(max_examples=30, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 2), kind=st.sampled_from(["diodes", "transistors"]))
def test_the_jacobian_is_that_of_finite_differences(network: Network, seed: int, kind: str) -> None:
    network = with_diodes(network, seed) if kind == "diodes" else with_bulk(with_transistors(network, seed))
    inputs = drive_inputs(network, seed, 1.0, 3)
    with NewtonCircuit(network) as circuit:
        found = circuit.small_signal(inputs)
        measured = circuit.measure(Drive(inputs))
    np.testing.assert_array_equal(found.outputs, measured.output_voltages)
    expected = differences(network, inputs)
    size = max(np.abs(expected).max(initial=0.0), np.abs(measured.node_voltages).max(), 0.1)
    np.testing.assert_allclose(found.jacobian * network.conductances, expected, rtol=0, atol=1e-6 * size)


@settings(max_examples=30, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 2))
def test_a_linear_network_is_told_what_it_was(network: Network, seed: int) -> None:
    task = task_for(network, seed)
    linear, found = jacobian(network, task), operating_point(network, task)
    g, mine = network.conductances, found.here.jacobian.reshape(found.constraints, -1)
    np.testing.assert_allclose(g * mine * network.trainable, g * linear.matrix(), rtol=0, atol=1e-9 * max(linear.volts, 0.1))
    known = coercivity(linear)
    if (
        known.constraints == found.constraints
        and known.coercive
        and known.singular_values[-1] > 1e-6 * known.singular_values[0]
    ):
        assert found.coercive
        assert found.constant == pytest.approx(known.constant, rel=1e-6)
        assert found.slowest == pytest.approx(known.spectra["ep"].slowest, rel=1e-6)
        assert found.max_step == pytest.approx(known.spectra["ep"].max_step, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(network=networks(), seed=st.integers(0, 2**32 - 2), kind=st.sampled_from(["diodes", "transistors"]))
def test_ep_goes_along_its_contrast(network: Network, seed: int, kind: str) -> None:
    """For small nudges: g ġ = −g Σ_a e_a A_a, mean over the samples."""
    network = with_diodes(network, seed) if kind == "diodes" else with_bulk(with_transistors(network, seed))
    task = task_for(network, seed)
    with NewtonCircuit(network) as circuit:
        found = circuit.small_signal(task.inputs)
        direction = EquilibriumPropagation(1e-8, symmetric=True).direction(circuit, task)
    expected = -np.einsum("sa,sae->e", found.outputs - task.targets, found.contrast) / len(task)
    expected[network.fixed] = 0.0
    g = network.conductances
    np.testing.assert_allclose(g * direction, g * expected, rtol=0, atol=1e-5 * max(np.abs(g * expected).max(), 1e-3))


def test_biases_beside_real_diodes_go_down_the_gradient() -> None:
    """Their contrast is of the drop, not of its square (`Bias.contrast`)."""
    edges = [("u", "a"), ("a", "b"), ("b", "0"), ("a", "0"), ("b", "0")]
    network = Network.from_edges(
        edges, [1e-3, 2e-3, 1e-3, 1e-2 + 2e-4, 1e-2 - 1e-4], names=["r1", "r2", "r3", "b1", "b2"], inputs=["u"],
        outputs=["a", "b"], devices=[Bias("b1", 1e-2), Bias("b2", 1e-2)],
    )  # fmt: skip
    network = with_diodes(network, 2)
    task = task_for(network, 2)
    found = operating_point(network, task)
    with NewtonCircuit(network) as circuit:
        direction = EquilibriumPropagation(1e-7, symmetric=True).direction(circuit, task)
    expected = -np.einsum("sa,sae->e", found.here.outputs - task.targets, found.here.jacobian) / len(task)
    np.testing.assert_allclose(direction, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert found.angle == pytest.approx(0.0, abs=1e-3)


def test_errors_decay_at_the_rates_told() -> None:
    """Near a solution of a grid of transistors, a small step along EP's direction lowers e by Λ e."""
    edges = [("u", "a"), ("a", "b"), ("b", "0"), ("a", "c"), ("c", "0"), ("b", "c")]
    network = Network.from_edges(edges, 1e-3, inputs=["u"], outputs=["a", "b"])
    network = with_transistors(network, 3)
    inputs = np.array([[0.4], [-0.3]])
    with NewtonCircuit(network) as circuit:
        targets = circuit.measure(Drive(inputs)).output_voltages + np.array([[1e-4, -2e-4], [-1e-4, 3e-4]])
        task = Task(inputs, targets)
        told = operating_point(network, task)
        small = circuit.small_signal(inputs)
        error = (small.outputs - targets).ravel()
        step = 0.1 * told.max_step
        circuit.program(network.conductances + step * EquilibriumPropagation(1e-7, symmetric=True).direction(circuit, task))
        after = (circuit.measure(Drive(inputs)).output_voltages - targets).ravel()
    rows, contrast = (each.reshape(4, -1) for each in (small.jacobian, small.contrast))
    decay = rows @ contrast.T / 2
    np.testing.assert_allclose(after - error, -step * decay @ error, rtol=0, atol=2e-3 * np.abs(after - error).max())
    # The rates are those of this matrix: their sum is its trace.
    assert told.rates.sum().real == pytest.approx(np.trace(decay), rel=1e-9)
    assert told.fastest >= told.slowest


def test_the_gradient_and_its_angle_to_ep() -> None:
    network = with_transistors(
        Network.from_edges([("u", "a"), ("a", "0"), ("u", "b"), ("a", "b"), ("b", "0")], 1e-3, inputs=["u"], outputs=["a"]), 1
    )
    task, step = Task([[0.5]], [[0.3]]), 1e-4
    with NewtonCircuit(network) as circuit:
        direction = EquilibriumPropagation(1e-6, symmetric=True).direction(circuit, task)
        slopes = []
        for k, g in enumerate(network.conductances):
            losses = []
            for side in (1, -1):
                changed = network.conductances.copy()
                changed[k] += side * step * g
                circuit.program(changed)
                losses.append(task_loss(circuit, task)[0])
            slopes.append((losses[1] - losses[0]) / (2 * step * g))
    cosine = direction @ slopes / np.linalg.norm(direction) / np.linalg.norm(slopes)
    assert operating_point(network, task).angle == pytest.approx(np.degrees(np.arccos(min(cosine, 1.0))), abs=0.05)


def test_edges_at_junctions_that_are_off_are_named() -> None:
    experiment = load_experiment(NETLISTS / "xor.toml")
    network, task = experiment.network, experiment.task
    with NewtonCircuit(network) as circuit:
        voltages = circuit.measure(Drive(task.inputs)).node_voltages
    at = {name: voltages[:, k] for k, name in enumerate(network.nodes)}
    drops = {str(k): float((at[f"h{k}"] - at[f"m{k}"]).max()) for k in range(1, 7)}
    dead = {name[-1] for name in operating_point(network, task).dead_edges if name[-2] == "H"}
    assert {k for k, volts in drops.items() if volts < -0.2} <= dead
    assert not dead & {k for k, volts in drops.items() if volts > 0.2}
    assert dead


def test_what_no_edge_changes_is_told_in_words() -> None:
    network = replace(Network.from_edges([("u", "a"), ("a", "0"), ("u", "b")], 1e-3, inputs=["u"], outputs=["a", "b"]))
    found = operating_point(with_diodes(network, count=0), Task([[1.0]], [[0.4, 0.9]]))
    assert (found.rank, found.constant, found.slowest) == (1, 0.0, 0.0)
    assert found.stuck == pytest.approx(0.1 / np.hypot(0.1, 0.1))
    assert "No trained edge changes 1 b" in found.advice()[0]
    with pytest.raises(TaskError):
        operating_point(network, Task([[1.0, 2.0]], [[0.4, 0.9]]))


@pytest.mark.parametrize("kind", [DenseMatrices, SymmetricMatrices, GeneralMatrices])
@pytest.mark.parametrize("transposed", [False, True])
def test_every_kind_of_matrices_solves(kind: type, transposed: bool) -> None:
    random = np.random.default_rng(0)
    left = (
        np.eye(7)[[0, 1, 2, 3, 4, 5, 6, 0, 1, 5]] - np.eye(7)[[1, 2, 3, 4, 5, 6, 6, 3, 5, 2]] * (np.arange(10) != 6)[:, None]
    )
    right = left.copy()
    if kind is not SymmetricMatrices:
        right[8:] = np.eye(7)[[1, 5]]
    slopes, given = 10 ** random.uniform(-1, 1, (10, 4)), random.normal(size=(4, 7, 2))
    matrices = np.einsum("ks,ki,kj->sij", slopes, left, right)
    found = kind(csr_array(left), csr_array(right)).solve(slopes, given, transposed)
    expected = np.linalg.solve(matrices.swapaxes(1, 2) if transposed else matrices, given)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [DenseMatrices, GeneralMatrices])
def test_singular_matrices_are_told(kind: type) -> None:
    loops = csr_array(np.array([[1.0, -1.0]]))
    with pytest.raises(SimulationError, match="singular"):
        kind(loops, loops).solve(np.ones((1, 1)), np.ones((1, 2, 1)))


@pytest.mark.parametrize("kind", ["diodes", "transistors", "ideal diodes"])
def test_what_is_gathered_in_blocks_is_that_of_the_whole_jacobian(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "ideal diodes":
        network = deep_resistive([3, 6, 2], twin_inputs=False, seed=3)
    else:
        grids = grid(5, 5, 1e-3, outputs=["n1_1", "n3_2"])
        network = with_diodes(grids, 3) if kind == "diodes" else with_bulk(with_transistors(grids, 3))
    network = replace(network, trainable=np.arange(len(network.edges)) % 5 > 0)
    task = task_for(network, 3)
    monkeypatch.setattr(operating, "AT_ONCE", 1)
    found = operating_point(network, task)
    small, trained, error = found.here, network.trainable, (found.here.outputs - task.targets).ravel()
    assert len(trained) > 4 * error.size  # more than one block
    whole, contrast = (each.reshape(error.size, -1) for each in (small.jacobian, small.contrast))
    sizes = np.linalg.svd(whole[:, trained], compute_uv=False)
    np.testing.assert_allclose(found.singular_values, sizes, atol=1e-12 * sizes[0])
    np.testing.assert_allclose(found.squares, (small.jacobian**2).sum(axis=1).mean(axis=0), rtol=1e-12)
    rates = np.sort(np.linalg.eigvals(whole[:, trained] @ contrast[:, trained].T).real)[::-1] / len(task)
    np.testing.assert_allclose(found.rates.real, rates, atol=1e-9 * rates[0])
    one, two = error @ whole[:, trained], error @ contrast[:, trained]
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert np.cos(np.radians(found.angle)) == pytest.approx(cosine, abs=1e-12)


def test_the_rates_of_a_deep_resistive_network_are_those_of_ep() -> None:
    """A small step along EP's direction lowers e by Λ e; the edges of hidden nodes that are held in all samples are dead."""
    network = deep_resistive([3, 10, 2], twin_inputs=False, seed=1)
    inputs = np.random.default_rng(0).normal(size=(3, 3))
    with NewtonCircuit(network) as circuit:
        voltages = circuit.measure(Drive(inputs)).node_voltages
        targets = circuit.measure(Drive(inputs)).output_voltages + 1e-6 * np.array([[1, -2], [-1, 3], [2, 1]])
        told = operating_point(network, Task(inputs, targets))
        error = (told.here.outputs - targets).ravel()
        rule, step = EquilibriumPropagation(1e-7, symmetric=True), 0.1 * told.max_step
        circuit.program(network.conductances + step * rule.direction(circuit, Task(inputs, targets)))
        after = (circuit.measure(Drive(inputs)).output_voltages - targets).ravel()
    rows = told.here.jacobian.reshape(6, -1)
    np.testing.assert_allclose(
        after - error, -step * rows @ rows.T @ error / 3, rtol=0, atol=1e-2 * np.abs(after - error).max()
    )
    np.testing.assert_allclose(told.rates.real, np.linalg.eigvalsh(rows @ rows.T / 3)[::-1], atol=1e-9 * told.fastest)
    held = {f"h1_{k}" for k in range(10) if not voltages[:, network.node_index[f"h1_{k}"]].any()}
    assert held
    dead = {name[-4:] for name in told.dead_edges if name.startswith("W1")}
    assert {name for name in network.edge_names if name[:2] == "W1" and name[-4:] in held} <= set(told.dead_edges)
    at = dict(zip(network.edge_names, network.conductances, strict=True))
    assert all(max(at[f"W2_{node}_o0"], at[f"W2_{node}_o1"]) < 1e-5 for node in dead - held)  # these lead nowhere


@pytest.mark.parametrize("name", ["gates", "xor"])
def test_the_command(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["analyze", str(NETLISTS / f"{name}.toml"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "Not told" in done.output
    assert json.loads((out / "analysis.json").read_text())["linear"] is False
    assert (out / "analysis.png").stat().st_size > 10_000
