"""Running an experiment: what the outcome says is what happened, also when the run is cut short."""

import json
import math

import numpy as np
import pytest

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, train
from hwlearn.errors import ExperimentError, HwlearnWarning, SimulationError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.testing.nodal import modified_nodal

KITE = """
[circuit]
builder = "kite"
conductances = [1, 1.5, 1.3, 1, 1, 1.7]
[task]
inputs = [[1.0, 0.0], [2.0, -1.0]]
targets = [[0.6, 0.5, 0.4], [0.8, 0.5, 0.2]]
[rule]
name = "ep"
nudge = 1e-2
symmetric = true
[train]
steps = 30
learning_rate = 0.5
"""
FLOW = KITE.replace("[train]\nsteps = 30\nlearning_rate = 0.5", "[flow]\nt_end = 20")


@pytest.fixture
def kite(tmp_path):
    file = tmp_path / "kite.toml"
    file.write_text(KITE)
    return file


@pytest.fixture
def kite_flow(tmp_path):
    file = tmp_path / "flow.toml"
    file.write_text(FLOW)
    return file


def dense_loss(network, task):
    """½ mean ‖o − y‖², from a dense modified nodal analysis."""
    outputs = modified_nodal(network, network.conductances, Drive(task.inputs)).output_voltages
    return 0.5 * float(np.mean(np.sum((outputs - task.targets) ** 2, axis=1))), outputs


def test_the_outcome_is_that_of_the_python_it_stands_for(kite):
    experiment = load_experiment(kite)
    outcome = run_experiment(experiment)
    with ExactCircuit(experiment.network) as circuit:
        rule = EquilibriumPropagation(nudge=1e-2, symmetric=True)
        same = train(circuit, experiment.task, rule, steps=30, learning_rate=0.5)
    np.testing.assert_array_equal(outcome.network.conductances, same.conductances)
    np.testing.assert_array_equal(outcome.losses, same.losses)
    assert (outcome.steps, outcome.stopped_because) == (30, "steps")
    assert outcome.progress.tolist() == list(range(31))


@pytest.mark.parametrize("rule", ["ep", "cl", "al", "clamp", "dual-cl"])
def test_the_loss_is_the_same_quantity_for_every_rule(kite, rule):
    experiment = load_experiment(kite, {"rule.name": rule, "train.learning_rate": 0.1})
    outcome = run_experiment(experiment)
    assert outcome.rule == rule
    assert outcome.loss_initial == pytest.approx(dense_loss(experiment.network, experiment.task)[0], rel=1e-12)
    loss, outputs = dense_loss(outcome.network, experiment.task)
    assert outcome.loss_final == pytest.approx(loss, rel=1e-11)
    np.testing.assert_allclose(outcome.outputs, outputs, atol=1e-13)
    assert outcome.loss_final < outcome.loss_initial


def test_a_flow_keeps_its_mass_and_descends(kite_flow):
    calls = []
    outcome = run_experiment(load_experiment(kite_flow), lambda *call: calls.append(call))
    assert outcome.stopped_because == "time"
    assert outcome.continuous
    assert outcome.progress[-1] == 20
    assert np.sum(outcome.network.conductances**2) == pytest.approx(9.83, rel=1e-6)
    assert outcome.loss_final < 0.1 * outcome.loss_initial
    assert calls[0][1:] == (20, pytest.approx(outcome.loss_initial))
    stopped = run_experiment(load_experiment(kite_flow, {"flow.stop_loss": 5e-3, "flow.method": "RK45"}))
    assert stopped.stopped_because == "loss"
    assert stopped.loss_final == pytest.approx(5e-3, rel=1e-6)


def test_stop_loss_and_the_nudge_in_use(kite):
    outcome = run_experiment(load_experiment(kite, {"train.stop_loss": 0.02, "rule.name": "cl"}))
    assert outcome.stopped_because == "loss"
    assert outcome.loss_final <= 0.02
    assert (outcome.nudge, outcome.nudge_unit, outcome.symmetric) == (0.1, "1", True)


def test_seed_changes_the_minibatches_only(kite):
    whole = [run_experiment(load_experiment(kite, {"train.seed": seed})).conductances for seed in (0, 3)]
    parts = [run_experiment(load_experiment(kite, {"train.seed": s, "train.batch_size": 1})).conductances for s in (0, 3, 3)]
    assert whole[0] == whole[1]
    assert parts[0] != parts[1]
    assert parts[1] == parts[2]


@pytest.mark.parametrize("backend", ["exact", "ngspice"])
def test_ctrl_c_keeps_the_last_step(kite, backend):
    def interrupt(done, total, loss):
        if done == 7:
            raise KeyboardInterrupt

    experiment = load_experiment(kite, {"backend.name": backend})
    outcome = run_experiment(experiment, interrupt)
    assert (outcome.steps, outcome.stopped_because) == (7, "interrupted")
    assert isinstance(outcome.error, KeyboardInterrupt)
    seven = run_experiment(load_experiment(kite, {"backend.name": backend, "train.steps": 7}))
    np.testing.assert_allclose(outcome.network.conductances, seven.network.conductances, rtol=1e-12)
    assert outcome.loss_final == pytest.approx(seven.loss_final, rel=1e-10)


def test_ctrl_c_in_a_flow(kite_flow):
    def interrupt(done, total, loss):
        if done > 1:
            raise KeyboardInterrupt

    outcome = run_experiment(load_experiment(kite_flow), interrupt)
    assert outcome.stopped_because == "interrupted"
    assert 0 < outcome.loss_final < outcome.loss_initial


def test_a_circuit_that_stops_answering_costs_nothing(kite, monkeypatch):
    count = 0
    answers = ExactCircuit._answers

    def failing(self, inputs):
        nonlocal count
        count += 1
        if count > 5:
            raise SimulationError("the cable is out")
        return answers(self, inputs)

    monkeypatch.setattr(ExactCircuit, "_answers", failing)
    outcome = run_experiment(load_experiment(kite))
    assert outcome.stopped_because == "error"
    assert str(outcome.error) == "the cable is out"
    assert outcome.steps == 3  # the initial loss, then one answer a step
    assert math.isnan(outcome.loss_final)
    content = json.loads(json.dumps(outcome.as_dict(), allow_nan=False))
    assert content["loss_final"] is None
    assert content["outputs"] == [[None] * 3] * 2
    monkeypatch.undo()
    three = run_experiment(load_experiment(kite, {"train.steps": 3}))
    assert outcome.conductances == pytest.approx(three.conductances, rel=1e-12)


def test_a_step_far_too_large_is_warned_of(kite):
    with pytest.warns(HwlearnWarning, match="every trainable edge at a bound"):
        run_experiment(load_experiment(kite, {"train.learning_rate": 1e12}))


def test_outputs_that_cannot_be_held_are_refused_by_name(kite):
    overrides = {"rule.name": "al", "ports.outputs": ["T", "M", "T,M"]}
    with pytest.raises(ExperimentError, match=r"kite\.toml.*held output"):
        run_experiment(load_experiment(kite, overrides))
