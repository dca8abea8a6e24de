"""Every netlist of netlists/ learns its task, and learns the same in ngspice."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive, ExactCircuit, Hold, Inject, NgspiceCircuit, Open
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.testing.nodal import modified_nodal

NETLISTS = Path(__file__).parents[2] / "netlists"
NAMES = ["kite", "wheatstone", "ladder", "allostery", "allostery-bench", "regression", "crossbar"]


NONLINEAR = ["gates", "xor"]  # in tests/netlist/test_gates_netlist.py and tests/learning/test_xor.py
MEMRISTIVE = ["memristors"]  # in tests/experiments/test_memristors.py
BOARDS = ["board", "xor-board"]  # in tests/lab/test_board_process.py and test_xor_board.py


def load(name, **overrides):
    return load_experiment(NETLISTS / f"{name}.toml", {key.replace("__", "."): value for key, value in overrides.items()})


def test_each_netlist_has_an_experiment_and_is_tested():
    assert sorted(file.stem for file in NETLISTS.glob("*.cir")) == sorted(NAMES + NONLINEAR + MEMRISTIVE + BOARDS)
    assert sorted(file.stem for file in NETLISTS.glob("*.toml")) == sorted(NAMES + NONLINEAR + MEMRISTIVE + BOARDS)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name):
    experiment = load(name)
    outcome = run_experiment(experiment)
    task = experiment.task
    solved = modified_nodal(outcome.network, outcome.network.conductances, Drive(task.inputs)).output_voltages
    loss = 0.5 * np.mean(np.sum((solved - task.targets) ** 2, axis=1))
    assert loss < max(1e-8, 1e-5 * outcome.loss_initial)
    assert outcome.loss_final == pytest.approx(loss, rel=1e-3, abs=1e-15)
    assert outcome.seconds < 2
    fixed = ~experiment.network.trainable
    np.testing.assert_array_equal(outcome.network.conductances[fixed], experiment.network.conductances[fixed])


@pytest.mark.parametrize("name", NAMES)
def test_both_backends_end_alike_after_200_steps(name):
    ends = [run_experiment(load(name, backend__name=backend, train__steps=200)) for backend in ("exact", "ngspice")]
    assert ends[0].steps == ends[1].steps
    np.testing.assert_allclose(ends[1].network.conductances, ends[0].network.conductances, rtol=1e-9)
    np.testing.assert_allclose(ends[1].outputs, ends[0].outputs, rtol=0, atol=1e-9)
    assert ends[1].loss_final < 0.1 * ends[1].loss_initial


@pytest.mark.parametrize("name", NAMES)
def test_node_voltages_open_injected_and_held(name):
    experiment = load(name)
    network, task = experiment.network, experiment.task
    currents = 0.1 * network.conductances.mean() * task.targets
    with ExactCircuit(network) as exact, NgspiceCircuit(network) as ngspice:
        for outputs in (Open(), Inject(currents), Hold(task.targets)):
            drive = Drive(task.inputs, outputs)
            true = modified_nodal(network, network.conductances, drive).node_voltages
            for circuit in (exact, ngspice):
                got = circuit.measure(drive).node_voltages
                np.testing.assert_allclose(got, true, rtol=0, atol=1e-12 * np.abs(true).max())


def test_the_kite_has_the_conductances_of_the_theory():
    network = load("kite").network
    np.testing.assert_allclose(network.conductances, [1, 1.5, 1.3, 1, 1, 1.7], rtol=1e-15)
    assert np.sum(network.conductances**2) == pytest.approx(9.83, rel=1e-14)


def test_the_kite_learns_by_every_rule():
    for rule in ("ep", "cl", "al", "clamp", "dual-cl"):
        outcome = run_experiment(load("kite", rule__name=rule))
        assert outcome.loss_final < 1e-8, rule


def test_the_ladder_means_what_its_subcircuits_say():
    """Series arms are scaled by 1.1; 4.7K, 2·RP, 0.01Meg, 5.6kohm and 3.3KOhm are in ohms."""
    network = load("ladder").network
    wanted = [1.1e3, 4.7e3, 1.1e3, 9.4e3, 2.42e3, 1e4, 902, 5.6e3, 3.3e3]
    np.testing.assert_allclose(1 / network.conductances, wanted, rtol=1e-12)
    assert network.output_names == ("TAP1", "TAP2", "Tap3", "TAP4")


def test_the_data_of_the_regression_is_its_formula():
    with (NETLISTS / "regression.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        x1, x2, y1, y2 = (float(row[name]) for name in ("x1", "x2", "y1", "y2"))
        assert y1 == pytest.approx(0.2 * x1 + 0.3 * x2 + 0.1, abs=1e-12)
        assert y2 == pytest.approx(0.5 * x1 + 0.1 * x2 + 0.2, abs=1e-12)
    assert len(rows) == 8


def test_the_allostery_task_is_a_response_at_a_distance():
    """The grid as built answers 1 V with less than 30 mV; trained, with 0.3 V."""
    before = run_experiment(load("allostery", train__steps=0)).outputs[0, 0]
    after = run_experiment(load("allostery")).outputs[0, 0]
    assert abs(before) < 0.03
    assert after == pytest.approx(0.3, abs=1e-6)


def test_a_trained_crossbar_averages():
    """Column currents vanish, so each output is the mean of the inputs weighted by the conductances of its column."""
    outcome = run_experiment(load("crossbar"))
    weights = np.array(list(outcome.conductances.values())).reshape(9, 9)
    np.testing.assert_allclose(weights / weights.sum(axis=0), outcome.targets, atol=1e-4)
