"""A graph with one edge more or less, by rank-one updates, beside the exact model of the whole circuit solved anew."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import Task
from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.design.iterated import spectrum
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import random_graph
from hwlearn.analysis.design.solved import Solved
from hwlearn.analysis.jacobian import jacobian


def problem_of(seed: int, samples: int = 2, rule: str = "ep") -> Problem:
    random = np.random.default_rng(seed)
    task = Task(random.normal(size=(samples, 3)), random.normal(size=(samples, 3)))
    return Problem.of(task, ["a", "b", "c"], ["p", "q", "p,r"], nodes=10, edges=18, rule=rule)


def solved(problem: Problem, seed: int) -> Solved:
    random = np.random.default_rng(seed)
    ends = random_graph(problem, random)
    return Solved.of(problem.plan, ends[:, 0], ends[:, 1], 10 ** random.uniform(-4, -2, len(ends)))


def anew(problem: Problem, circuit: Solved) -> tuple[np.ndarray, np.ndarray]:
    """J and R of the exact model."""
    found = jacobian(problem.network(circuit), problem.task)
    return found.matrix(), found.resistance


def agree(one: np.ndarray, two: np.ndarray) -> None:
    np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9 * np.abs(two).max())


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_updates_are_the_solution_anew(seed: int) -> None:
    problem = problem_of(seed)
    here = solved(problem, seed)
    agree(here.jacobian(), anew(problem, here)[0])
    random = np.random.default_rng(seed)
    for edge in random.permutation(len(here.tails)).tolist()[:6]:
        without = here.without(edge)
        if without is None:
            assert _hangs(problem, here, edge)
            continue
        tail, head = random.permutation(len(problem.nodes))[:2].tolist()
        there = without.with_edge(tail, head, 3e-3)
        for circuit in (without, there):
            matrix, resistance = anew(problem, circuit)
            agree(circuit.jacobian(), matrix)
            agree(circuit.resistance, resistance)
        grams, resistances = without.grams_with(np.array([tail, 0]), np.array([head, 9]), 3e-3)
        matrix, resistance = anew(problem, there)
        agree(grams[0], matrix @ matrix.T)
        agree(resistances[0], resistance)
        errors = without.errors_with(np.array([tail, 0]), np.array([head, 9]), 3e-3)
        outputs = jacobian(problem.network(there), problem.task).outputs
        np.testing.assert_allclose(errors[0], (outputs - problem.task.targets).ravel(), atol=1e-9)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), rule=st.sampled_from(["ep", "cl", "al"]))
def test_rates_are_those_of_the_analysis(seed: int, rule: str) -> None:
    problem = problem_of(seed, rule=rule)
    here = solved(problem, seed)
    expected = coercivity(jacobian(problem.network(here), problem.task)).spectra[rule].eigenvalues
    found = spectrum(here, rule)[::-1][: len(expected)]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * expected[0])


def _hangs(problem: Problem, here: Solved, edge: int) -> bool:
    """Whether, without the edge, a node has no path to an input or an input no edge."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(problem.nodes)))
    graph.add_edges_from(
        pair for k, pair in enumerate(zip(here.tails.tolist(), here.heads.tolist(), strict=True)) if k != edge
    )
    held = problem.plan.held.tolist()
    bare = any(graph.degree(node) == 0 for node in held)
    networkx.add_path(graph, held)
    return bare or not networkx.is_connected(graph)
