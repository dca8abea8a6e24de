"""The floor of a design beside trainings of its circuit with the imperfections themselves."""

from dataclasses import replace

import numpy as np
import pytest

from hwlearn import ExactCircuit, Task, train
from hwlearn.analysis.design.goals import OBJECTIVES
from hwlearn.analysis.design.imperfections import Imperfections, rule_at
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import Design, climb
from hwlearn.circuits.imperfect import Effect, ImperfectCircuit, Noise, UpdateBias

TASK = Task([[0.0, 1.0]], [[0.3, 0.6]])
FINE = 2**30
"""Levels whose floor is no part of what is compared."""


@pytest.fixture(scope="module")
def found() -> Design:
    problem = Problem.of(TASK, ["a", "b"], ["p", "q"], nodes=7, edges=11, nudge=3e-5)
    design, _ = climb(problem, 0, 0)
    return design


def floor(found: Design, **given: float) -> float:
    problem = replace(found.problem, levels=FINE, imperfections=Imperfections(**given))
    return OBJECTIVES["floor"].value(replace(found, problem=problem))


def ended(found: Design, effect: Effect, steps: int) -> float:
    """Mean loss of the exact circuit over the second half of a training with an imperfection, from the solution."""
    with ExactCircuit(found.problem.network(found.solution)) as inner:
        circuit, rule = ImperfectCircuit(inner, effect, seed=1), rule_at(found.problem, found.solution)
        rate = slow(found).course.learning_rate
        losses = train(circuit, TASK, rule, steps=steps, learning_rate=rate, trajectory=0).losses
    return float(np.mean(losses[len(losses) // 2 :]))


def slow(found: Design) -> Design:
    return replace(found, course=replace(found.course, learning_rate=found.course.learning_rate / 4))


@pytest.mark.filterwarnings("ignore:step")  # noise makes the loss grow now and then
def test_noise_ends_at_its_floor(found):
    assert floor(slow(found), noise=1e-5) == pytest.approx(ended(found, Noise(1e-5), 1500), rel=0.3)


def test_a_bias_ends_at_its_floor(found):
    bias = 1e-7
    alone = [ended(found, UpdateBias(bias * one), 120) for one in np.eye(len(found.ends))]
    assert floor(slow(found), bias=bias) == pytest.approx(sum(alone) / 3, rel=0.1)  # (2b)²/12 is the mean square


def test_imperfections_add(found):
    parts = floor(found, noise=1e-5), floor(found, bias=1e-7), floor(found, drift=1e-4)
    assert min(parts) > floor(found)
    assert floor(found, noise=1e-5, bias=1e-7, drift=1e-4) == pytest.approx(sum(parts), rel=1e-3)
