"""Tasks with more samples than inputs, which no linear circuit meets: a loss is reached in the steps that are predicted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import ExactCircuit, Task, train
from hwlearn.analysis.design.estimated import MOST, STEP, steps_until
from hwlearn.analysis.design.iterated import spectrum
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import climb, judge, random_graph
from hwlearn.analysis.design.settled import fit
from hwlearn.analysis.jacobian import jacobian
from hwlearn.circuits.drive import Drive
from hwlearn.learning.rules import EquilibriumPropagation


def case(seed: int, rule: str = "ep") -> tuple[Problem, np.random.Generator]:
    random = np.random.default_rng(seed)
    inputs = np.column_stack((random.random((12, 2)), np.ones(12)))
    task = Task(inputs, random.uniform(0.2, 0.8, (12, 2)))
    return Problem.of(task, ["a", "b", "c"], ["p", "q"], nodes=8, edges=14, rule=rule, loss=0.05), random


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(["ep", "cl"]))
def test_merged_samples_have_the_loss_and_the_rates_of_all(seed, rule):
    problem, random = case(seed, rule)
    here = problem.begin(random_graph(problem, random))
    here = here.with_conductances(10 ** random.uniform(-3.5, -2.5, len(here.tails)))
    assert len(here.plan.inputs) == 3
    assert not here.plan.reachable
    network = problem.network(here)
    with ExactCircuit(network) as circuit:
        outputs = circuit.measure(Drive(problem.task.inputs)).output_voltages
    assert here.loss == pytest.approx(0.5 * np.mean(((outputs - problem.task.targets) ** 2).sum(axis=1)), rel=1e-9)
    found = jacobian(network, problem.task)
    matrix = found.matrix()
    weight = np.eye(2) if rule == "ep" else np.linalg.inv(found.resistance)
    rates = np.linalg.eigvals(matrix @ matrix.T @ np.kron(np.eye(12), weight)).real / 12
    np.testing.assert_allclose(np.sort(rates)[-6:], spectrum(here, rule), rtol=1e-5, atol=1e-7 * rates.max())


def test_a_wanted_loss_is_reached_in_the_predicted_steps():
    problem, random = case(0)
    best = fit(problem.begin(random_graph(problem, random)), problem.bounds, 1.0).loss
    problem = replace(problem, loss=1.05 * best)
    found, _ = climb(problem, 0, 0)
    assert found.course.reached
    with ExactCircuit(problem.network(found.start)) as circuit:
        course = found.course
        rule = EquilibriumPropagation(nudge=1e-7, symmetric=True)
        trained = train(circuit, problem.task, rule, steps=5_000, learning_rate=course.learning_rate, stop_loss=problem.loss)
    assert trained.stopped_because == "loss"
    assert trained.steps == pytest.approx(course.steps, rel=0.1, abs=1)


def test_a_graph_that_cannot_reach_the_loss_is_none():
    problem, random = case(1)
    least = problem.plan.missed / 2 / len(problem.task)
    start = problem.begin(random_graph(problem, random))
    assert fit(start, problem.bounds, 1.0).loss >= least
    assert judge(replace(problem, loss=0.99 * least), start) is None


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_estimated_steps_are_those_of_the_linear_dynamics(seed):
    random = np.random.default_rng(seed)
    jacobian, error = random.normal(size=(5, 8)), random.normal(size=5)
    gram = jacobian @ jacobian.T
    wanted = 1e-4 * float(error @ error)
    estimated = float(steps_until(gram[None], error[None], 1, 0.0, wanted / 2)[0])
    rate, left, steps = STEP / np.linalg.norm(gram, 2), error.copy(), 0
    while left @ left > wanted and steps < 20_000:
        left, steps = left - rate * (gram @ left), steps + 1
    assert estimated == pytest.approx(steps, rel=0.05, abs=1.5)
    assert steps_until(gram[None], error[None], 1, 2.0, 0.5)[0] > MOST


def test_a_circuit_in_which_nothing_moves_an_output_comes_last():
    still, moving = np.zeros((2, 2)), np.diag([0.0, 1.0])
    found = steps_until(np.stack([still, moving, np.eye(2), -1e-20 * np.eye(2)]), np.ones((4, 2)), 1, 0.0, 0.1)
    assert found[2] < MOST < found[1] < found[0] == found[3]
