"""`design`: greedy exchange of edges, screened by rank-one updates, judged on the solution manifold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwlearn.analysis.design.goals import OBJECTIVES, Outlook
from hwlearn.analysis.design.iterated import Course, fastest, spectrum
from hwlearn.analysis.design.objectives import condition
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.settled import settle
from hwlearn.analysis.design.wired import Wired
from hwlearn.arrays import Array, Indices
from hwlearn.errors import ModelError, NetworkError

SCREENED = 20_000
"""Exchanges that are screened before some are judged."""

JUDGED = 40
"""Exchanges that are judged of those screened, best first, until one is better."""

CHUNK = 64
"""Edges that are tried together."""

MOST = 5_000
"""Steps after which a training counts as slow as no other."""

Progress = Callable[[int, float], None]
"""Called with exchanges screened so far and steps of the best design."""


@dataclass(frozen=True, eq=False)
class Design:
    """A graph, and how its training goes.

    Attributes:
        problem: what was asked.
        ends: (E, 2) its edges, as indices of nodes.
        solution: the circuit on the solution manifold.
        course: its training from `Problem.start`, as predicted.
        condition: λ_max/λ_min of the rule there.
        constant: σ_min(J)² [V²/S²] there, over the samples and outputs.
    """

    problem: Problem
    ends: Indices
    solution: Wired
    course: Course
    condition: float
    constant: float

    @cached_property
    def score(self) -> tuple[float, float]:
        """Lower is better: the cost by the problem's objective, then the condition."""
        return OBJECTIVES[self.problem.objective].cost(self), self.condition


def judge(problem: Problem, ends: Indices, most: int = MOST) -> Design | None:
    """How good a graph is; None if it cannot reach the targets from its start.

    Args:
        most: steps of training after which it does not matter any more.
    """
    try:
        start = problem.begin(ends)
        solution = settle(start, problem.bounds)
    except (NetworkError, np.linalg.LinAlgError):
        return None
    if solution is None:
        return None
    course = fastest(start, solution, problem.rule, problem.bounds, problem.loss, most)
    end = course.end if course.reached else solution
    jacobian = end.jacobian()
    least = float(np.linalg.eigvalsh(jacobian @ jacobian.T)[0])
    return Design(problem, ends, end, course, float(condition(spectrum(end, problem.rule))), max(least, 0.0))


def random_graph(problem: Problem, random: np.random.Generator) -> Indices:
    """Edges (E, 2) of a random graph of the candidates in which each node has a path to an input, and each input an edge."""
    pairs, count = problem.pairs, len(problem.nodes)
    driven = set(problem.plan.held.tolist())
    for _ in range(1000):
        chosen = pairs[np.sort(random.choice(len(pairs), problem.edges, replace=False))]
        if _joined(chosen, count, driven):
            return chosen
    order = random.permutation(len(pairs))  # a sparse graph is hardly ever joined by chance: a tree and an edge for each input
    tree: list[int] = []
    group = np.arange(count)  # two nodes of one number are joined; inputs count as joined
    group[sorted(driven)] = count
    bare = set(driven)
    for k in order.tolist():
        ends = set(pairs[k].tolist())
        one, two = group[pairs[k]].tolist()
        if one != two or bare & ends:
            group[group == one] = two
            bare -= ends
            tree.append(k)
    if len(set(group.tolist())) > 1 or bare:
        raise ModelError("the candidates leave a node without a path to an input, or an input without an edge")
    chosen_first = set(tree)
    rest = [k for k in order.tolist() if k not in chosen_first]
    return pairs[np.sort(tree + rest[: max(problem.edges - len(tree), 0)])]


def design(problem: Problem, seed: int = 0, restarts: int = 3, progress: Progress | None = None) -> Design:
    """The best design of some searches from random graphs.

    A search takes one edge away and adds another, as long as that helps. Each exchange is screened by the exact J Jᵀ that it
    would have at the present conductances (`Wired.grams_with`); the best are trained.

    Raises:
        ModelError: no search found a circuit that reaches the targets.
    """
    found: list[Design | None] = []
    screened = 0
    for number in range(restarts):
        one, screened = climb(problem, seed, number, screened, progress)
        found.append(one)
    return best_of(found)


def best_of(found: Sequence[Design | None]) -> Design:
    """The one with the lowest score, the first of equals.

    Raises:
        ModelError: there is none.
    """
    there = [one for one in found if one is not None]
    if not there:
        raise ModelError(
            "no design reaches the targets: targets must lie between the inputs; allow more edges, wider bounds or other nodes"
        )
    return min(there, key=lambda one: one.score)


def climb(
    problem: Problem, seed: int, number: int, screened: int = 0, progress: Progress | None = None
) -> tuple[Design | None, int]:
    """One search from a random graph, whatever the others found.

    Args:
        seed, number: of its random numbers, the latter from one restart to the next.
        screened: exchanges so far.

    Returns:
        The design, None if it reaches no targets; and `screened` with its own exchanges.
    """
    random = np.random.default_rng([seed, number])
    ends = random_graph(problem, random)
    best = judge(problem, ends)
    at = problem.begin(ends) if best is None else best.solution
    while True:
        tries, count = _screen(problem, at, random)
        screened += count
        better: Design | None = None
        for chosen in tries:
            most = best.course.steps + 1 if best is not None and problem.objective == "steps" else MOST
            found = judge(problem, chosen, most)
            if found is not None and (best is None or found.score < best.score):
                better = found
                break
        if progress is not None:
            progress(screened, np.inf if best is None else best.course.steps)
        if better is None:
            return best, screened
        best = better
        at = best.solution


def _screen(problem: Problem, at: Wired, random: np.random.Generator) -> tuple[list[Indices], int]:
    """The most promising exchanges, as edges (E, 2), best first; and how many were screened."""
    ends = np.column_stack((at.tails, at.heads))
    count = len(problem.nodes)
    have = np.sort(ends, axis=1) @ (count, 1)
    new = problem.pairs[~np.isin(problem.pairs @ (count, 1), have)]
    removed = random.permutation(len(ends))
    if not len(new):
        return [], 0
    if len(new) * len(ends) > SCREENED:
        new = new[random.permutation(len(new))[: max(SCREENED // len(ends), CHUNK)]]
        removed = removed[: max(SCREENED // len(new), 1)]
    found: list[tuple[float, int, int]] = []
    for edge in removed.tolist():
        left = at.without(edge)
        if left is None:
            continue
        scores = _scores(problem, left, new)
        found += [(float(scores[k]), edge, k) for k in np.argsort(scores)[:3].tolist()]
    found.sort()
    exchanged = [
        np.vstack((np.delete(ends, edge, axis=0), new[k][None])) for score, edge, k in found[:JUDGED] if np.isfinite(score)
    ]
    return exchanged, len(removed) * len(new)


def _scores(problem: Problem, left: Wired, new: Indices) -> Array:
    """Estimated order of costs (C,) with each of the new edges."""
    parts = []
    for first in range(0, len(new), CHUNK):
        chunk = new[first : first + CHUNK]
        seen = Outlook.with_edge(left, chunk, problem.start)
        parts.append(OBJECTIVES[problem.objective].screen(problem, seen))
    return np.concatenate(parts)


def _joined(ends: Indices, count: int, driven: set[int]) -> bool:
    """Every node has a path to a driven one, and every driven one an edge."""
    if not driven <= set(ends.ravel().tolist()):
        return False
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    held = sorted(driven)
    one, two = np.r_[ends[:, 0], np.full(len(held), count)], np.r_[ends[:, 1], held]
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(count + 1, count + 1))
    return int(connected_components(graph, directed=False)[0]) == 1
