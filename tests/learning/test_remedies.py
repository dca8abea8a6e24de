"""Overclamping and thresholds: what they change in a reading, and what they do to a floor."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import problems, rounding

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    ImperfectCircuit,
    Network,
    Rule,
    Task,
    train,
)
from hwlearn.analysis.floors import bias_floor
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.circuits.imperfect import Noise, UpdateBias
from hwlearn.errors import HwlearnError
from hwlearn.learning.remedies import Overclamped, Thresholded
from hwlearn.learning.train import task_loss
from hwlearn.learning.training_result import TrainState
from hwlearn.network.builders import grid, kite

PROBLEMS = {
    "kite": (kite((1.0, 1.5, 1.3, 1.0, 1.0, 1.7)), Task([[1.0, 0.0]], [[0.7, 0.5, 0.3]])),
    "grid": (
        grid(3, 3, np.random.default_rng(0).uniform(0.5, 2, 12), outputs=["n1_1", "n0_2"]),
        Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.47, 0.56]]),
    ),
}
VOLTAGE_RULES = [EquilibriumPropagation(0.1, symmetric=True), CoupledLearning(0.01), FullClamp()]


@settings(max_examples=25, deadline=None)
@given(
    problems(),
    st.sampled_from([EquilibriumPropagation(symmetric=True), CoupledLearning(symmetric=True), FullClamp()]),
    st.floats(1e-3, 0.3),
)
def test_overclamping_is_the_same_rule_with_targets_further_away(
    problem: tuple[Network, Task], rule: Rule, push: float
) -> None:
    network, task = problem
    with ExactCircuit(network) as circuit:
        outputs = circuit.measure(Drive(task.inputs)).output_voltages
        beyond = Task(task.inputs, task.targets - push * np.sign(outputs - task.targets))
        got, expected = Overclamped(rule, push, 0.0).read(circuit, task), rule.read(circuit, beyond)
        accuracy = 1e-8 * np.abs(expected.direction).max() + 100 * rounding(rule, network, beyond)
        np.testing.assert_allclose(got.direction, expected.direction, rtol=0, atol=accuracy)
        assert got.loss == pytest.approx(rule.read(circuit, task).loss, rel=1e-9)  # of the true targets


def test_outputs_at_rest_are_not_nudged_and_a_settled_circuit_is_left_alone() -> None:
    network = PROBLEMS["kite"][0]
    rule = EquilibriumPropagation(0.1, symmetric=True)
    with ExactCircuit(network) as circuit:
        outputs = circuit.measure(Drive([[1.0, 0.0]])).output_voltages
        near_first = Task([[1.0, 0.0]], outputs + np.array([1e-3, 0.1, -0.1]))
        got = Overclamped(rule, 0.05, 2e-3).direction(circuit, near_first)
        expected = rule.direction(circuit, Task([[1.0, 0.0]], outputs + np.array([0.0, 0.15, -0.15])))
        np.testing.assert_allclose(got, expected, atol=1e-12)
        near = Task([[1.0, 0.0]], outputs + np.array([1e-3, -1e-3, 1e-3]))
        reading = Overclamped(rule, 0.05, 2e-3).read(circuit, near)
        assert not reading.direction.any()
        assert reading.loss == pytest.approx(1.5e-6)


def test_threshold_drops_small_updates_only() -> None:
    network, task = PROBLEMS["grid"]
    rule = EquilibriumPropagation(0.1, symmetric=True)
    with ExactCircuit(network) as circuit:
        plain = rule.read(circuit, task)
        threshold = float(np.median(np.abs(plain.direction)))
        kept = Thresholded(rule, threshold).read(circuit, task)
    above = np.abs(plain.direction) > threshold
    assert 0 < above.sum() < len(above)
    assert not kept.direction[~above].any()
    np.testing.assert_allclose(kept.direction[above], plain.direction[above], rtol=1e-12)
    assert kept.loss == pytest.approx(plain.loss)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("kite", FullClamp()), *(("grid", rule) for rule in VOLTAGE_RULES)],
    ids=lambda one: getattr(one, "name", one),
)
def test_overclamping_lowers_the_floor_of_an_update_bias(rule: Rule, name: str) -> None:
    """By five times and more in the error, so 25 times in the loss."""
    network, task = PROBLEMS[name]
    near = Linearised.of(project(network, task).jacobian, rule)
    rates = np.linalg.eigvals(near.rates).real
    learning_rate, size = 0.05 / rates.max(), 1e-4
    steps = int(7 / (learning_rate * rates.min()))

    def end(used: Rule) -> float:
        losses = []
        with ImperfectCircuit(ExactCircuit(network), UpdateBias(size), seed=2) as circuit:

            def note(state: TrainState) -> None:
                if state.step > 0.9 * steps:
                    losses.append(task_loss(circuit.inside, task)[0])

            train(circuit, task, used, steps=steps, learning_rate=learning_rate, callbacks=[note])
        return float(np.mean(losses))

    with ImperfectCircuit(ExactCircuit(network), UpdateBias(size), seed=2) as circuit:
        floor = bias_floor(near, learning_rate, circuit.effects[0].bias)  # type: ignore[attr-defined]
    push = 2 * float(np.abs(floor.error).max())
    assert end(rule) > 25 * end(Overclamped(rule, push, 0.025 * push))


def test_thresholds_stop_the_wandering_along_the_solutions() -> None:
    """Noise drives the conductances along the solution manifold for ever; below the threshold they keep still."""
    network, task = PROBLEMS["grid"]
    solved = network.with_conductances(project(network, task).conductances)
    rule = EquilibriumPropagation(0.1, symmetric=True)

    def walk(used: Rule) -> float:
        with ImperfectCircuit(ExactCircuit(solved), Noise(1e-4), seed=1) as circuit:
            train(circuit, task, used, steps=400, learning_rate=1.0)
            return float(np.abs(circuit.inside.conductances - solved.conductances).max())

    with ImperfectCircuit(ExactCircuit(solved), Noise(1e-4), seed=5) as circuit:
        noise = np.std([rule.direction(circuit, task) for _ in range(50)], axis=0).max()
    assert walk(rule) > 5 * walk(Thresholded(rule, 5 * noise))


def test_remedies_are_rules() -> None:
    rule = Thresholded(Overclamped(EquilibriumPropagation(0.2, symmetric=True), 0.01, 1e-4), 1e-3)
    again = copy.deepcopy(rule)
    for one in (rule, again):
        assert (one.name, one.nudge_unit, one.loss_unit, one.sign, one.nudge, one.symmetric) == (
            "ep",
            "S",
            "V²",
            -1,
            0.2,
            True,
        )
    assert repr(rule).startswith("Thresholded(Overclamped(EquilibriumPropagation")
    assert EquilibriumPropagation().amplitude(PROBLEMS["kite"][0]) == Thresholded(EquilibriumPropagation(), 0.0).amplitude(
        PROBLEMS["kite"][0]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Overclamped(AdjointCoupledLearning(), 0.1, 0.0),
        lambda: Overclamped(EquilibriumPropagation(), -0.1, 0.0),
        lambda: Overclamped(EquilibriumPropagation(), 0.1, np.nan),
        lambda: Overclamped(Thresholded(EquilibriumPropagation(), 0.1), 0.1, 0.0),
        lambda: Thresholded(EquilibriumPropagation(), -1.0),
    ],
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(HwlearnError):
        wrong()  # type: ignore[operator]
