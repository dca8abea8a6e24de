"""Objectives of a design beside the analysis of the whole circuit, and the front of several."""

from dataclasses import replace

import numpy as np
import pytest

from hwlearn import ExactCircuit, Task
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.design.candidates import grid_pairs
from hwlearn.analysis.design.goals import OBJECTIVES, Outlook, constants
from hwlearn.analysis.design.pareto import front
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import climb, design
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.manifold import project
from hwlearn.circuits.drive import Drive

TASK = Task([[0.0, 1.0]], [[0.3, 0.6]])


def problem_of(**options) -> Problem:
    return Problem.of(TASK, ["a", "b"], ["p", "q"], nodes=7, edges=11, **options)


@pytest.mark.parametrize("spaced", ["conductance", "resistance"])
def test_the_floor_is_the_loss_of_parts_off_by_half_a_step(spaced):
    problem = problem_of(levels=4096, spaced=spaced)
    found = design(problem, restarts=1)
    network = problem.network(found.solution)
    power = 1 if spaced == "conductance" else -1  # of the conductance, in what the levels are alike
    low, high = sorted(bound**power for bound in problem.bounds)
    half = (high - low) / (problem.levels - 1) / 2
    random, losses = np.random.default_rng(0), []
    with ExactCircuit(network) as circuit:
        for _ in range(600):
            off = random.uniform(-half, half, len(network.edges))
            changed = (found.solution.conductances**power + off) ** power
            circuit.program(np.clip(changed, network.lower, network.upper))
            outputs = circuit.measure(Drive(TASK.inputs)).output_voltages
            losses.append(0.5 * ((outputs - TASK.targets) ** 2).sum())
    assert OBJECTIVES["floor"].value(found) == pytest.approx(np.mean(losses), rel=0.15)


def test_the_floor_is_searched_for_beyond_what_a_design_for_steps_has():
    task = Task([[1.0, 0.0]], [[0.25]])
    values = {}
    for name in ("floor", "steps"):
        parts = {"bounds": (1e-4, 1e-3), "start": 1.5e-4, "spaced": "resistance"}
        problem = Problem.of(task, ["a", "b"], ["p,q"], nodes=9, edges=18, objective=name, **parts)
        values[name] = OBJECTIVES["floor"].value(climb(problem, 0, 0)[0])
    assert values["floor"] < 0.75 * values["steps"]


def test_an_exchange_after_which_nothing_moves_an_output_comes_last():
    still, moving, errors = np.zeros((4, 4)), np.diag([1e6, 1.0, 0.0, 2.0]), np.full((2, 4), 0.1)
    seen = Outlook(np.stack((still, moving)), np.ones((2, 2, 2)), np.ones(2), errors)
    order = OBJECTIVES["floor"].screen(problem_of(), seen)
    assert order[0] == np.inf
    assert np.isfinite(order[1])


def test_constants_are_those_of_the_analysis():
    found = design(problem_of(), restarts=1)
    network = found.problem.network(found.solution)
    assert OBJECTIVES["constant"].value(found) == pytest.approx(coercivity(jacobian(network, TASK)).constant, rel=1e-9)
    relative = replace(found, problem=replace(found.problem, family=6))
    for plan, constant in zip(relative.problem.relatives, constants(relative), strict=True):
        task = Task(TASK.inputs, plan.targets)
        if not constant:
            continue
        on = project(network, task)
        assert on.reached
        assert 0.1 < coercivity(on.jacobian).constant / constant < 10  # the manifold is met at another point
    assert OBJECTIVES["constant"].value(relative) == pytest.approx(np.quantile(constants(relative), 0.05))


def test_what_is_asked_for_becomes_better():
    names = ["constant", "floor"]
    constant, floor = (front(problem_of(), [name], restarts=1)[0] for name in names)
    assert OBJECTIVES["constant"].cost(constant) < OBJECTIVES["constant"].cost(floor)
    assert OBJECTIVES["floor"].cost(floor) < OBJECTIVES["floor"].cost(constant)


def test_no_design_of_a_front_beats_another():
    names = ["steps", "edges"]
    found = front(problem_of(), names, restarts=1)
    costs = np.array([[OBJECTIVES[name].cost(one) for name in names] for one in found])
    assert len(found) > 1
    for k, cost in enumerate(costs):
        others = np.delete(costs, k, axis=0)
        assert not ((others <= cost).all(axis=1)).any()
    for one in found:
        on = jacobian(one.problem.network(one.solution), TASK)
        np.testing.assert_allclose(on.outputs, TASK.targets, atol=1e-5)


def test_a_grid_has_neighbours_only():
    pairs = grid_pairs(["a", "b", "p"], 9)
    assert len(pairs) == 20  # 6 + 6 along rows and columns, 4 + 4 diagonals
    assert len({node for pair in pairs for node in pair}) == 9


def test_the_worst_of_a_family_is_the_lowest_of_its_constants():
    found = design(problem_of(), restarts=1)
    relative = replace(found, problem=replace(found.problem, family=6, lowest=0.0))
    assert OBJECTIVES["constant"].value(relative) == constants(relative).min()


def test_the_condition_is_that_of_the_analysis():
    found = design(problem_of(objective="condition", rule="cl"), restarts=1)
    rates = coercivity(jacobian(found.problem.network(found.solution), TASK)).spectra["cl"].eigenvalues
    assert OBJECTIVES["condition"].value(found) == pytest.approx(rates[0] / rates[-1], rel=1e-6)
