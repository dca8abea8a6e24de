"""What a search may vary: each change beside the exact model of the circuit that it makes, solved anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import Task
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.design.changes import CHANGES
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import climb, judge, random_graph
from hwlearn.analysis.design.solved import Solved
from hwlearn.analysis.design.written import restored, written
from hwlearn.analysis.jacobian import jacobian
from hwlearn.errors import ModelError

TASK = Task([[0.0, 1.0]], [[0.3, 0.6]])
CYCLE = [(f"n{k}", f"n{(k + step) % 8}") for k in range(8) for step in (1, 2)]
CHAIN = [("a", "p"), ("p", "x"), ("x", "b")]


def case(seed: int) -> tuple[Problem, Solved, np.random.Generator]:
    random = np.random.default_rng(seed)
    task = Task(random.normal(size=(2, 3)), random.normal(size=(2, 3)))
    problem = Problem.of(task, ["a", "b", "c"], ["p", "q", "p,r"], nodes=10, edges=18)
    ends = random_graph(problem, random)
    trainable = random.random(len(ends)) < 0.8
    return problem, Solved.of(problem.plan, *ends.T, 10 ** random.uniform(-4, -2, len(ends)), trainable), random


def agree(problem: Problem, circuit: Solved) -> None:
    """J, R, outputs and power are those of the exact model to 1e-9."""
    network = problem.network(circuit)
    found = jacobian(network, problem.task)
    volts = found.samples()[0] @ found.samples()[1].T
    power = float(((volts**2) @ network.conductances).sum())
    pairs = [
        (circuit.jacobian()[:, circuit.trainable], found.matrix()[:, network.trainable]),
        (circuit.resistance, found.resistance),
        (circuit.outputs, found.outputs),
        (np.array(circuit.power), np.array(power)),
    ]
    for one, two in pairs:
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9 * np.abs(two).max(initial=0.0))
    assert not circuit.jacobian()[:, ~circuit.trainable].any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_ports_that_move_are_the_circuit_solved_anew(seed):
    problem, here, random = case(seed)
    for _ in range(8):
        one, two = random.permutation(len(problem.nodes))[:2].tolist()
        there = here.swapped(one, two)
        if there is None:
            continue
        agree(problem, there)
        agree(problem, restored(problem, written(there)))
        here = there


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_edges_that_are_fixed_or_scaled_are_the_circuit_solved_anew(seed):
    problem, here, random = case(seed)
    for edge in random.permutation(len(here.tails))[:4].tolist():
        here = here.fixed(edge).with_conductance(edge, 10 ** random.uniform(-4, -2))
        agree(problem, here)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_screening_ranks_by_the_condition_of_the_exact_model(seed):
    problem, here, random = case(seed)
    here = replace(here, trainable=np.ones(len(here.tails), dtype=bool))
    for name in CHANGES:
        screened = list(CHANGES[name](problem, here, here, random))
        assert screened
        for score, change in (screened[k] for k in random.permutation(len(screened))[:3].tolist()):
            network = problem.network(change.applied(here))
            rates = coercivity(jacobian(network, problem.task)).spectra["ep"].eigenvalues
            if np.isfinite(score) and score < 1e8:
                assert score == pytest.approx(rates[0] / rates[-1], rel=1e-5)


def test_a_node_that_would_hang_keeps_its_source():
    problem = Problem.of(Task([[0.0, 1.0]], [[0.5]]), ["a", "b"], ["p"], nodes=4, edges=3, candidates=CHAIN)
    here = problem.begin(problem.pairs)
    names = {node: k for k, node in enumerate(problem.nodes)}
    assert here.swapped(names["b"], names["p"]) is not None
    lonely = Problem.of(Task([[0.0, 1.0]], [[0.5]]), ["a", "b"], ["p"], nodes=5, edges=3, candidates=[*CHAIN[:2], ("b", "y")])
    apart = lonely.begin(lonely.pairs)  # b–y hangs on b alone
    names = {node: k for k, node in enumerate(lonely.nodes)}
    assert apart.swapped(names["b"], names["p"]) is None
    assert apart.swapped(names["b"], names["y"]) is not None


@pytest.mark.parametrize("change", ["ports", "conductances", "trainable"])
def test_what_may_vary_makes_a_design_faster_and_all_else_stays(change):
    problem = Problem.of(TASK, ["n0", "n1"], ["n2", "n3"], nodes=8, edges=16, candidates=CYCLE, change=[change])
    before = judge(problem, problem.begin(problem.useful(problem.plan)))
    found, _ = climb(problem, 0, 0)
    assert found.course.steps < before.course.steps
    np.testing.assert_array_equal(found.ends, before.ends)
    assert len(found.ends) == (16 if change == "ports" else 15)  # an edge between two sources is of no use where they stay
    assert (found.start.trainable.all()) == (change != "trainable")
    assert (found.start.conductances == problem.start).all() == (change != "conductances")
    same = (found.start.plan.ports == problem.plan.ports).all() and (found.start.plan.held == problem.plan.held).all()
    assert same == (change != "ports")
    on = jacobian(problem.network(found.solution), TASK)
    np.testing.assert_allclose(on.outputs, TASK.targets, atol=1e-5)


def test_fixed_edges_stay_and_starts_keep_to_the_bounds():
    names = ["edges", "trainable", "conductances"]
    problem = Problem.of(TASK, ["a", "b"], ["p", "q"], nodes=6, edges=9, bounds=(5e-4, 2e-3), change=names)
    found, _ = climb(problem, 1, 0)
    fixed = ~found.start.trainable
    np.testing.assert_array_equal(found.solution.conductances[fixed], found.start.conductances[fixed])
    assert found.start.conductances.min() >= 5e-4
    assert found.start.conductances.max() <= 2e-3


def test_a_graph_without_current_at_its_output_is_none():
    problem = Problem.of(Task([[1.0, 0.0]], [[0.3]]), ["a", "b"], ["p,q"], nodes=4, edges=4)
    ends = np.array([[0, 2], [1, 2], [2, 3]])  # q hangs on p alone
    assert judge(problem, problem.begin(ends)) is None


def test_ports_keep_to_their_places():
    places = ["n1", "n2", "n5"]
    problem = Problem.of(
        TASK, ["n0", "n1"], ["n2", "n3"], nodes=8, edges=16, candidates=CYCLE, change=["ports"], places=places
    )
    start = problem.begin(problem.pairs)
    moves = [change for _, change in CHANGES["ports"](problem, start, start, np.random.default_rng(0))]
    at = {node: k for k, node in enumerate(problem.nodes)}
    allowed = {at[node] for node in places}
    assert {frozenset((move.one, move.two)) for move in moves} == {
        frozenset((at[one], at[two])) for one, two in (("n1", "n2"), ("n1", "n5"), ("n2", "n5"))
    }
    assert all({move.one, move.two} <= allowed for move in moves)
    with pytest.raises(ModelError, match=r"ports.places: there is no node 'n9'"):
        Problem.of(TASK, ["n0", "n1"], ["n2", "n3"], nodes=8, edges=16, candidates=CYCLE, places=["n9"])
