"""Nodes that nobody reads: estimated, with an error that covers the truth, and never silently learned from."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed
from hypothesis import given
from hypothesis import strategies as st

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, train
from hwlearn.errors import HwlearnWarning, StationError
from hwlearn.experiments import load_experiment
from hwlearn.inference.unread import UnreadNodes
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.station import load_station
from hwlearn.network.builders import grid
from hwlearn.testing.nodal import modified_nodal

UNREAD = (
    ('n12 = { read = "daq:106" }', 'n12 = { read = "estimate" }'),
    ('n22 = { read = "daq:110" }', 'n22 = { read = "estimate" }'),
)
EXACT = ("pot_tolerance = 0.2", "pot_tolerance = 0")
CALIBRATED = ("[safe]", "[calibration]\nconductance = 0.002\n[safe]")
DRIVE = Drive([[1.0], [-0.7]], Inject([[1e-4], [-2e-4]]))
EP = EquilibriumPropagation(2e-4, symmetric=True)
NODES = [NETWORK.node_index[name] for name in ("n12", "n22")]


def written(folder, *changes):
    path = folder / "station.toml"
    path.write_text(changed(STATION, *changes), encoding="utf-8")
    return load_station(path)


@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**31), st.data())
def test_without_errors_the_estimate_is_the_dense_solution(rows, columns, seed, data):
    random = np.random.default_rng(seed)
    network = grid(rows, columns, inputs=["n0_0"], outputs=[f"n{rows - 1}_{columns - 1}"])
    network = network.with_conductances(random.uniform(1e-4, 1e-3, len(network.edges)))
    drive = Drive([[1.0]], Inject([[1e-4]]))
    true = modified_nodal(network, network.conductances, drive).node_voltages
    inner = [k for k, name in enumerate(network.nodes) if name not in ("0", "n0_0", f"n{rows - 1}_{columns - 1}")]
    chosen = data.draw(st.lists(st.sampled_from(inner), unique=True, max_size=len(inner))) if inner else []
    unread = UnreadNodes(network, sorted(chosen))
    known = true.copy()
    known[:, sorted(chosen)] = 99.0  # whatever stands there
    np.testing.assert_allclose(known @ unread.weights(network.conductances).T, true[:, sorted(chosen)], atol=1e-9)
    for edge in random.choice(len(network.edges), 3):  # by finite differences, the read nodes held
        g = network.conductances.copy()
        g[edge] *= 1 + 1e-6
        moved = (true @ unread.weights(g).T - true @ unread.weights(network.conductances).T) / 1e-6
        told = unread.doubt(network.conductances, true)[:, :, edge]
        np.testing.assert_allclose(moved, told, atol=1e-5)


@pytest.mark.parametrize("tolerance", [0.002, 0.05, 0.3])
def test_the_error_of_an_estimate_covers_the_truth(tmp_path, tolerance):
    said = ("[safe]", f"[calibration]\nconductance = {tolerance / 3**0.5:.4g}\n[safe]")
    misses = []
    for seed in range(1, 6):
        made = (("pot_tolerance = 0.2", f"pot_tolerance = {tolerance}"), ("seed = 1", f"seed = {seed}"))
        with BenchCircuit(NETWORK, written(tmp_path, *made, said, *UNREAD)) as circuit:
            measured = circuit.measure(DRIVE)
            true = NETWORK.with_conductances(circuit.connection.virtual.model.conductances)
        truth = modified_nodal(true, true.conductances, DRIVE).node_voltages
        off = (measured.node_voltages - truth)[:, NODES]
        misses.append(off / measured.node_errors[:, NODES])
        read = np.delete(measured.node_voltages - truth, NODES, axis=1)
        assert np.abs(read).max() < 3e-4
    misses = np.array(misses)
    assert np.abs(misses).max() < 4
    assert 0.3 < np.sqrt((misses**2).mean()) < 1.7


def test_a_rule_that_needs_them_is_refused_by_name_where_devices_are_unknown(tmp_path):
    task = load_experiment(EXPERIMENT).task
    with BenchCircuit(NETWORK, written(tmp_path, *UNREAD)) as circuit, pytest.raises(StationError) as refused:
        train(circuit, task, EP, steps=1, learning_rate=2e-7)
    edges = [edge.name for edge in NETWORK.edges if {"n12", "n22"} & {edge.tail, edge.head}]
    assert "the rule needs n12, n22, not read but estimated, for the drops of " + ", ".join(edges[:6]) in str(refused.value)
    assert "bench calibrate" in str(refused.value)


def test_a_calibrated_bench_warns_once_by_name_and_its_direction_is_as_good_as_it_says(tmp_path):
    task = load_experiment(EXPERIMENT).task
    station = written(tmp_path, EXACT, CALIBRATED, *UNREAD)
    with BenchCircuit(NETWORK, station) as circuit:
        with pytest.warns(HwlearnWarning, match="needs n12, n22"):
            found = EP.direction(circuit, task)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            EP.direction(circuit, task)
    with ExactCircuit(NETWORK.with_conductances(circuit.conductances)) as exact:
        wanted = EP.direction(exact, task)
    assert np.linalg.norm(found - wanted) < 0.03 * np.linalg.norm(wanted)


def test_a_rule_that_does_not_need_them_hears_nothing(tmp_path):
    needed = {edge.name for edge in NETWORK.edges if {"n12", "n22"} & {edge.tail, edge.head}}
    others = replace(NETWORK, trainable=np.array([name not in needed for name in NETWORK.edge_names]))
    task = load_experiment(EXPERIMENT).task
    with BenchCircuit(others, written(tmp_path, *UNREAD)) as circuit, warnings.catch_warnings():
        warnings.simplefilter("error")
        EP.direction(circuit, task)


def test_check_passes_and_a_dead_edge_beside_is_still_found(tmp_path):
    with bench(tmp_path, virtual=UNREAD, station=UNREAD) as circuit:
        findings = self_test(circuit)
        assert not [f for f in findings if not f.passed]
        assert not [f for f in findings if "n12" in f.subject]
        circuit.made.fault("pots", "stuck", edge="R2")
        failed = [f.subject for f in self_test(circuit) if not f.passed]
    assert failed == ["R2"]


def test_an_edge_that_does_not_follow_is_not_blamed_on_an_estimate(tmp_path):
    """Devices 20 % off beside unread nodes: no false alarm while codes change."""
    random = np.random.default_rng(3)
    with BenchCircuit(NETWORK, written(tmp_path, *UNREAD)) as circuit:
        lower, upper = circuit.bounds
        for _ in range(25):
            circuit.program(lower * (upper / lower) ** random.uniform(0.2, 0.8, len(lower)))
            circuit.measure(DRIVE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('t1 = { read = "daq:114" }', 't1 = { read = "estimate" }'), "output t1,t2 is there"),
        (('s1 = { read = "daq:101" }', 's1 = { read = "estimate" }'), "source VS is there"),
        (('n12 = { read = "daq:106" }', 'n12 = { read = "estimate", against = "n13" }'), "leave against out"),
    ],
)
def test_what_cannot_be_estimated_is_refused(tmp_path, change, says):
    with pytest.raises(StationError, match=says):
        written(tmp_path, change).validate(NETWORK)
