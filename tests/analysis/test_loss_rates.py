"""Rates of losses: against second differences of the loss, of rules' directions, and against trainings."""

import io
import json

import numpy as np
import pytest
from dots import FILE, dots
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hwlearn import (
    ClassMeans,
    CoupledLearning,
    CrossEntropy,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Hinge,
    OnlyWrong,
    SquaredError,
    Task,
    analyze,
    train,
)
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.forecast import forecast
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.loss_rates import loss_rates
from hwlearn.cli import app
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.network.builders import crossbar
from hwlearn.show.facts.analysis import analysis_facts
from hwlearn.show.plots import draw_analysis
from hwlearn.testing.nodal import modified_nodal

SCALE = 0.2


def learned(seed, samples=5, outputs=3):
    """A small crossbar and shares of classes that it answers exactly: its cross-entropy is least where it stands."""
    random = np.random.default_rng(seed)
    network = crossbar(2, outputs, rails=(0.0, 1.0), seed=seed)
    inputs = random.uniform(0, 1, (samples, 2))
    answers = modified_nodal(network, network.conductances, Drive(inputs)).output_voltages
    powers = np.exp(answers / SCALE)
    return network, Task(inputs, powers / powers.sum(axis=1, keepdims=True))


def second_differences(function, g, step=1e-3):
    """(E, E) of a number that conductances (E,) make."""
    edges = len(g)
    steps = step * np.eye(edges)
    found = np.empty((edges, edges))
    for a in range(edges):
        for b in range(edges):
            one, two = steps[a], steps[b]
            found[a, b] = function(g + one + two) - function(g + one - two) - function(g - one + two) + function(g - one - two)
    return found / (4 * step**2)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_ep_descends_the_cross_entropy_at_the_eigenvalues_of_its_hessian(seed):
    network, task = learned(seed, outputs=2)

    def loss(g):
        outputs = modified_nodal(network, g, Drive(task.inputs)).output_voltages
        logs = outputs / SCALE - np.log(np.exp(outputs / SCALE).sum(axis=1, keepdims=True))
        return -(SCALE**2) * float((task.targets * logs).sum()) / len(task)

    expected = np.sort(np.linalg.eigvalsh(second_differences(loss, network.conductances)))[::-1]
    found = loss_rates(jacobian(network, task), CrossEntropy(SCALE))["ep"].eigenvalues
    assert np.allclose(found.imag, 0)
    assert np.allclose(found.real, expected[: len(found)], atol=2e-5 * expected[0])
    assert np.abs(expected[len(found) :]).max(initial=0.0) < 2e-5 * expected[0]


@pytest.mark.parametrize("kind", [EquilibriumPropagation, CoupledLearning])
def test_each_rule_learns_at_the_eigenvalues_of_its_own_directions(kind):
    network, task = learned(7)
    rule, circuit = kind(symmetric=True, loss=CrossEntropy(SCALE)), ExactCircuit(network)
    slopes = []
    for step in 1e-4 * np.eye(len(network.edges)):
        sides = []
        for side in (step, -step):
            circuit.program(network.conductances + side)
            sides.append(rule.direction(circuit, task))
        slopes.append((sides[0] - sides[1]) / 2e-4)
    expected = np.linalg.eigvals(-np.array(slopes).T)
    expected = expected[np.argsort(-expected.real)]
    found = loss_rates(jacobian(network, task), rule.loss)[rule.name].eigenvalues
    assert np.allclose(found, expected[: len(found)], atol=1e-5 * abs(expected[0]))


@pytest.mark.parametrize("kind", [EquilibriumPropagation, CoupledLearning])
def test_steps_below_the_limit_converge_at_the_rate_and_above_it_they_do_not(kind):
    network, task = learned(7)
    rule = kind(symmetric=True, loss=CrossEntropy(SCALE))
    rates = loss_rates(jacobian(network, task), rule.loss)[rule.name]
    near = network.with_conductances(
        network.conductances * (1 + 1e-4 * np.random.default_rng(0).normal(size=len(network.edges)))
    )
    sizes = {}
    for part in (0.4, 1.1):
        circuit, found = ExactCircuit(near), []
        alpha = part * rates.max_step

        def note(state, circuit=circuit, found=found):
            found.append(float(np.linalg.norm(rule.direction(circuit, task))))

        train(circuit, task, rule, steps=400, learning_rate=alpha, callbacks=[note])
        sizes[part] = np.array(found)
    assert sizes[1.1].max() > 10 * sizes[1.1][0]
    slow = np.abs(1 - 0.4 * rates.max_step * rates.eigenvalues).max()
    ends = sizes[0.4]
    seen = np.flatnonzero((ends < 1e-3 * ends[0]) & (ends > 1e-9 * ends[0]))
    late = seen[len(seen) // 2 :] if len(seen) > 20 else np.arange(300, 400)
    measured = (ends[late[-1]] / ends[late[0]]) ** (1 / (late[-1] - late[0]))
    assert measured == pytest.approx(slow, abs=2e-3)


def test_the_squared_error_has_the_rates_of_coercivity():
    network, task = learned(3)
    at = jacobian(network, task)
    found, known = loss_rates(at, SquaredError()), coercivity(at).spectra
    for rule in ("ep", "cl"):
        spectrum = known[rule]
        whole = spectrum.eigenvalues[spectrum.eigenvalues > 1e-9 * spectrum.eigenvalues[0]]
        assert np.allclose(found[rule].eigenvalues.real[: len(whole)], whole, rtol=1e-6, atol=1e-9 * whole[0])
        assert found[rule].max_step == pytest.approx(spectrum.max_step)


@pytest.mark.parametrize("loss", [CrossEntropy(0.1), Hinge(0.2), ClassMeans()])
def test_analyze_follows_the_loss(loss):
    points, colours = dots()
    task = Task.classification(points, colours)
    network = crossbar(2, 3, rails=(0.0, 1.0), seed=0)
    found = analyze(network, task, loss)
    told = found.as_dict()
    assert told["loss"] == loss.name
    assert told["max_step"]["ep"] != analyze(network, task).as_dict()["max_step"]["ep"]
    rule = EquilibriumPropagation(loss=loss, symmetric=True)
    circuit = ExactCircuit(network)
    losses = train(circuit, task, rule, steps=30, learning_rate=0.5 * told["max_step"]["ep"]).losses
    assert (np.diff(losses) < 0).all()
    assert any(f"for the loss {loss.name}" in line for line in found.advice())
    assert not any("no Hessian" in line for line in found.advice())


def test_a_loss_that_jumps_says_so():
    points, colours = dots()
    network = crossbar(2, 3, rails=(0.0, 1.0), seed=0)
    said = analyze(network, Task.classification(points, colours), OnlyWrong()).advice()
    assert any("only-wrong jumps, and has no Hessian there" in line for line in said)


def test_no_end_is_foretold_of_a_loss_that_jumps(tmp_path):
    """Its flow would be followed for hours, to and fro across the jump."""
    points, colours = dots()
    np.savez(tmp_path / "dots.npz", points=points, colour=np.array(colours))
    text = FILE.replace("dots.csv", "dots.npz").replace('name = "cross-entropy"\nscale = 0.05', 'name = "only-wrong"')
    assert "only-wrong" in text
    (tmp_path / "dots.toml").write_text(text)
    done = CliRunner().invoke(app, ["analyze", str(tmp_path / "dots.toml"), "--json"])
    assert (done.exit_code, "forecast" in json.loads(done.stdout)) == (0, False)
    refused = CliRunner().invoke(app, ["analyze", str(tmp_path / "dots.toml"), "--end"])
    assert refused.exit_code != 0
    network = crossbar(2, 3, rails=(0.0, 1.0), seed=0)
    with pytest.raises(HwlearnError, match="only-wrong jumps, and its flow has no end"):
        forecast(network, Task.classification(points, colours), EquilibriumPropagation(loss=OnlyWrong()))


def test_the_command_tells_the_loss_of_the_file(tmp_path):
    points, colours = dots()
    np.savez(tmp_path / "dots.npz", points=points, colour=np.array(colours))
    (tmp_path / "dots.toml").write_text(FILE.replace("dots.csv", "dots.npz"))
    done = CliRunner().invoke(app, ["analyze", str(tmp_path / "dots.toml"), "--json"])
    told = json.loads(done.stdout)
    assert told["loss"] == "cross-entropy"
    experiment = load_experiment(tmp_path / "dots.toml")
    facts = analysis_facts(analyze(experiment.network, experiment.task, experiment.rule.loss))
    assert facts.content["max_step"] == told["max_step"]
    assert facts.sections[0].tables[0].header[0] == "rule, for cross-entropy"
    picture = io.BytesIO()
    draw_analysis(analyze(experiment.network, experiment.task, experiment.rule.loss), picture, ["spectrum"])
    assert picture.getvalue().startswith(b"\x89PNG")
