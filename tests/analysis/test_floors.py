"""Predicted error floors beside simulated ones, over two decades of each imperfection."""

import numpy as np
import pytest
from floored import GRID, KITE, PROBLEMS, RULES, SOLVED, WITHIN, near, pace
from replicas import Replicas

from hwlearn import (
    DualCoupledLearning,
    Task,
)
from hwlearn.analysis.floors import Floor, bias_floor, noise_floor, offset_floor, one_sided_floor
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.errors import HwlearnError

UNREACHABLE = Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.67, 0.6]])
"""A port that shows a u₁ + (1 − a) u₂ has one number to meet two targets with."""


@pytest.mark.parametrize(("problem", "symmetric"), [("kite", True), ("grid", False)])
@pytest.mark.parametrize("rule", list(RULES))
def test_noise_floor(problem: str, rule: str, symmetric: bool) -> None:
    for volts, nudge in [(1e-5, 0.1), (1e-4, 0.1), (1e-3, 0.1)]:
        linear = near(problem, rule, nudge, symmetric)
        learning_rate, settle = pace(linear)
        network, task = PROBLEMS[problem]
        copies = Replicas(network, task, rule, nudge, symmetric, volts=volts, amperes=volts)
        found, _ = copies.learn(SOLVED[problem].conductances, 50, settle + 80, learning_rate, settle)
        assert found == pytest.approx(noise_floor(linear, learning_rate, volts, volts).loss, rel=WITHIN)


@pytest.mark.parametrize("rule", list(RULES))
def test_noise_floor_falls_with_the_nudge(rule: str) -> None:
    network, task = PROBLEMS["grid"]
    for nudge in (0.03, 0.3, 3.0):
        linear = near("grid", rule, nudge, True)
        learning_rate, settle = pace(linear)
        copies = Replicas(network, task, rule, nudge, True, volts=3e-5)
        found, _ = copies.learn(SOLVED["grid"].conductances, 60, settle + 100, learning_rate, settle)
        assert found == pytest.approx(noise_floor(linear, learning_rate, 3e-5).loss, rel=WITHIN)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("problem", list(PROBLEMS))
def test_bias_floor(problem: str, rule: str) -> None:
    network, task = PROBLEMS[problem]
    learning_rate, settle = pace(near(problem, rule, 0.1, True))
    unit = np.random.default_rng(1).uniform(-1, 1, len(network.edges))
    for size in (1e-6, 1e-5, 1e-4):
        copy = Replicas(network, task, rule, 0.1, True, bias=size * unit)
        found, end = copy.learn(SOLVED[problem].conductances, 1, 2 * settle, learning_rate, 2 * settle - 1)
        floor = bias_floor(near(problem, rule, 0.1, True, end[0]), learning_rate, size * unit)
        assert found == pytest.approx(floor.loss, rel=WITHIN)
        got = copy.voltages(end)[0][:, copy.ports] - task.targets
        np.testing.assert_allclose(floor.error, got, atol=WITHIN * np.abs(got).max())


def test_slow_modes_amplify_bias() -> None:
    """The nearer the kite's target to the symmetric one, the higher the floor of the same bias."""
    bias = 1e-6 * np.random.default_rng(2).uniform(-1, 1, 6)

    def floor(delta: float) -> Floor:
        solved = project(KITE, Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]]))
        return bias_floor(Linearised(solved.jacobian, "ep", 0.1, True), 0.5, bias)

    floors = [floor(delta) for delta in (0.2, 0.1, 0.05, 0.025)]
    # Rate ∝ δ², the bias's part in the mode ∝ σ ∝ δ: amplitude ∝ 1/δ.
    growth = [one.modes[0] / two.modes[0] for one, two in zip(floors[1:], floors, strict=False)]
    np.testing.assert_allclose(growth[1:], 2.0, rtol=0.25)
    for one in floors:
        assert one.rates[0] == one.rates.min()
        assert one.loss == pytest.approx(0.5 * (one.modes**2).sum())  # EP's modes are orthogonal


@pytest.mark.parametrize("symmetric", [True, False], ids=["both", "one-sided"])
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("problem", list(PROBLEMS))
def test_offset_floor(problem: str, rule: str, symmetric: bool) -> None:
    network, task = PROBLEMS[problem]
    linear = near(problem, rule, 0.3, symmetric)
    learning_rate, settle = pace(linear)
    unit = np.random.default_rng(3).standard_normal(len(network.nodes))
    for size in (1e-5, 1e-4, 1e-3):
        copy = Replicas(network, task, rule, 0.3, symmetric, offsets=size * unit)
        found, _ = copy.learn(SOLVED[problem].conductances, 1, 2 * settle, learning_rate, 2 * settle - 1)
        assert found == pytest.approx(offset_floor(linear, size * unit).loss, rel=WITHIN, abs=1e-25)


def test_one_sided_nudges_shift_a_task_that_cannot_be_reached() -> None:
    start = np.array(GRID.conductances)
    smallest, at = Replicas(GRID, UNREACHABLE, "ep", 1.0, True).learn(start, 1, 3000, 1.0, 2999)
    for nudge in (0.005, 0.05, 0.5):
        copy = Replicas(GRID, UNREACHABLE, "ep", nudge, False)
        found, end = copy.learn(at[0], 1, 400, 1.0, 399)
        linear = Linearised(jacobian(GRID, UNREACHABLE, end[0]), "ep", nudge, False)
        assert found - smallest == pytest.approx(one_sided_floor(linear).loss, rel=WITHIN)
    linear = Linearised(linear.jacobian, "ep", 1.0, True)
    assert one_sided_floor(linear).loss == 0


def test_what_cannot_be_predicted_is_refused() -> None:
    linear = near("kite", "ep", 0.1, True)
    with pytest.raises(HwlearnError, match="not stable"):
        noise_floor(linear, 1e6, 1e-3)
    with pytest.raises(HwlearnError, match="shape"):
        bias_floor(linear, 0.1, [1.0])
    with pytest.raises(HwlearnError, match="decay is 1"):
        bias_floor(linear, 0.1, np.zeros(6), 1.0)
    with pytest.raises(HwlearnError, match="positive"):
        bias_floor(linear, 0.0, np.zeros(6))
    with pytest.raises(HwlearnError, match="no floor is predicted"):
        Linearised.of(SOLVED["kite"].jacobian, DualCoupledLearning())
