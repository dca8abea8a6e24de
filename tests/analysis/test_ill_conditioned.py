"""Rates that are too far apart to be told: one line that says what to do, and no warning of a library."""

import numpy as np
import pytest

from hwlearn import AdjointCoupledLearning, CoupledLearning, Drive, EquilibriumPropagation, ExactCircuit, Task
from hwlearn.analysis.linearised import IllConditioned, solved
from hwlearn.analysis.robustness import robustness
from hwlearn.network.builders import kite

RULES = [EquilibriumPropagation(symmetric=True), CoupledLearning(symmetric=True), AdjointCoupledLearning(symmetric=True)]


def spread(decades):
    """A kite whose conductances span decades, and targets near its outputs."""
    conductances = 10 ** np.random.default_rng(0).uniform(-decades / 2, decades / 2, 6)
    network = kite(conductances, bounds=(1e-15, 1e12))
    inputs = np.array([[1.0, 0.0]])
    return network, Task(inputs, 0.9 * ExactCircuit(network).measure(Drive(inputs)).output_voltages + 0.05)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("decades", [9, 12])
def test_robustness_over_many_decades(decades, rule):
    """Warnings are errors in the tests: none comes through."""
    found = robustness(*spread(decades), rule, steps=20, sizes=1, only=["update bias", "noise", "nudge gain", "dead edges"])
    notes = [note for note in found.notes if "nothing is predicted" in note]
    assert len(notes) == sum(case.predicted is None for case in found.cases)
    assert all("`hwlearn analyze` says which outputs hardly move" in note and "\n" not in note for note in notes)


def test_a_matrix_that_rounding_decides_on():
    good = np.diag([1.0, 1e-12])
    np.testing.assert_allclose(solved(good, np.ones(2)), [1.0, 1e12])
    with pytest.raises(IllConditioned, match="move their targets, or bring the conductances nearer to each other"):
        solved(np.array([[1.0, 1.0], [1.0, 1.0 + 1e-16]]), np.ones(2))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_targets_of_zero(rule):
    network = kite([1, 1.5, 1.3, 1, 1, 1.7])
    found = robustness(network, Task([[1.0, 0.0]], [[0.0, 0.0, 0.0]]), rule, steps=20, sizes=1, only=["noise", "update bias"])
    assert {case.imperfection for case in found.cases} == {"noise", "update bias"}
    assert all(np.isfinite(loss) for case in found.cases for loss in case.losses.values())
