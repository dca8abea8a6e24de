"""Gradients of a design's objectives beside differences of the exact model, solved anew at other conductances."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwlearn import ExactCircuit, Task
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.design.goals import OBJECTIVES
from hwlearn.analysis.design.gradients import condition_gradient, constant_gradient, floor_gradient, power_gradient
from hwlearn.analysis.design.pareto import front
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import design, random_graph
from hwlearn.analysis.design.solved import Solved
from hwlearn.analysis.jacobian import jacobian
from hwlearn.circuits.drive import Drive

STEP = 1e-5


def case(seed: int, samples: int = 2) -> tuple[Problem, Solved]:
    random = np.random.default_rng(seed)
    task = Task(random.normal(size=(samples, 3)), random.normal(size=(samples, 2)))
    problem = Problem.of(task, ["a", "b", "c"], ["p", "q,r"], nodes=9, edges=16)
    ends = random_graph(problem, random)
    return problem, Solved.of(problem.plan, ends[:, 0], ends[:, 1], 10 ** random.uniform(-3.5, -2.5, len(ends)))


def differences(problem: Problem, circuit: Solved, value) -> np.ndarray:
    """Central ones (E,) of value(network)."""
    g, found = circuit.conductances, []
    for k in range(len(g)):
        sides = []
        for sign in (1, -1):
            changed = g.copy()
            changed[k] *= 1 + sign * STEP
            sides.append(value(problem.network(replace(circuit, conductances=changed))))
        found.append((sides[0] - sides[1]) / (2 * STEP * g[k]))
    return np.array(found)


def dissipated(network, task: Task) -> float:
    """What the sources deliver, by Kirchhoff's laws."""
    with ExactCircuit(network) as circuit:
        measured = circuit.measure(Drive(task.inputs))
    return float((measured.input_currents * task.inputs).sum())


def agree(one: np.ndarray, two: np.ndarray) -> None:
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6 * np.abs(two).max())


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_gradients_are_differences(seed: int) -> None:
    problem, circuit = case(seed)
    task = problem.task
    sizes = np.linalg.svd(circuit.jacobian(), compute_uv=False)
    assume(sizes[-1] < 0.9 * sizes[-2] and sizes[1] < 0.9 * sizes[0] and sizes[-1] > 1e-3 * sizes[0])
    agree(power_gradient(circuit), differences(problem, circuit, lambda net: dissipated(net, task)))
    whole = differences(problem, circuit, lambda net: float((jacobian(net, task).matrix() ** 2).sum()))
    agree(floor_gradient(circuit), whole)
    agree(constant_gradient(circuit), differences(problem, circuit, lambda net: coercivity(jacobian(net, task)).constant))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(["ep", "cl", "al"]))
def test_the_gradient_of_the_condition_is_that_of_each_rule(seed: int, rule: str) -> None:
    problem, circuit = case(seed)

    def condition(network) -> float:
        found = coercivity(jacobian(network, problem.task)).spectra[rule].eigenvalues
        return float(found[0] / found[-1])

    found = coercivity(jacobian(problem.network(circuit), problem.task)).spectra[rule].eigenvalues
    assume(found[-1] < 0.8 * found[-2] and found[1] < 0.8 * found[0] and found[-1] > 1e-5 * found[0])
    agree(condition_gradient(circuit, rule), differences(problem, circuit, condition))


def test_power_is_what_the_sources_deliver_at_the_solution() -> None:
    task = Task([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [[0.3], [0.5]])
    problem = Problem.of(task, ["a", "b", "c"], ["p"], nodes=6, edges=9)
    found = design(problem, restarts=1)
    network = problem.network(found.solution)
    assert OBJECTIVES["power"].value(found) == pytest.approx(dissipated(network, task), rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_power_with_one_edge_more_is_that_of_the_circuit_solved_anew(seed: int) -> None:
    problem, circuit = case(seed)
    tails, heads = np.array([0, 3, 4]), np.array([8, 7, 5])
    for tail, head, power in zip(tails, heads, circuit.powers_with(tails, heads, 2e-3), strict=True):
        more = circuit.with_edge(int(tail), int(head), 2e-3)
        assert power == pytest.approx(dissipated(problem.network(more), problem.task), rel=1e-9)


def test_power_that_is_asked_for_becomes_less() -> None:
    task = Task([[0.0, 1.0]], [[0.3, 0.6]])
    problem = Problem.of(task, ["a", "b"], ["p", "q"], nodes=7, edges=11)
    fast, frugal = (front(problem, [name], restarts=1)[0] for name in ("steps", "power"))
    assert OBJECTIVES["power"].value(frugal) < OBJECTIVES["power"].value(fast)
    both = front(problem, ["steps", "power"], restarts=1)
    costs = np.array([[OBJECTIVES[name].cost(one) for name in ("steps", "power")] for one in both])
    assert (np.diff(costs[:, 0]) > 0).all()
    assert (np.diff(costs[:, 1]) < 0).all()
