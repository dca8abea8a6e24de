"""`design`: greedy exchange of edges and other changes, screened by rank-one updates, judged on the solution manifold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest

import numpy as np

from hwlearn.analysis.design.averages import averages_miss
from hwlearn.analysis.design.changes import CHANGES, Change
from hwlearn.analysis.design.goals import OBJECTIVES
from hwlearn.analysis.design.iterated import Course, fastest, spectrum
from hwlearn.analysis.design.objectives import condition
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.settled import fit, settle
from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Indices
from hwlearn.errors import ModelError, NetworkError

JUDGED = 160
"""Changes that are judged of those screened, best first, until one is better."""

BEGINNINGS = 10
"""Random graphs of which the first that can reach the targets begins a search."""

MOST = 5_000
"""Steps after which a training counts as slow as no other."""

MISSED = 1e-6
"""Part of the largest target by which averages may miss the targets and still count as meeting them."""

Progress = Callable[[int, float], None]
"""Called with changes screened so far and steps of the best design."""


@dataclass(frozen=True, eq=False)
class Design:
    """A graph, and how its training goes.

    Attributes:
        problem: what was asked.
        start: the circuit before it is trained.
        solution: the circuit on the solution manifold.
        course: its training from the start, as predicted.
        condition: λ_max/λ_min of the rule there.
        constant: σ_min(J)² [V²/S²] there, over the samples and outputs.
        most: that it was judged with, on which the course may hang: learning rates are tried up to so many steps.
    """

    problem: Problem
    start: Solved
    solution: Solved
    course: Course
    condition: float
    constant: float
    most: int

    @property
    def ends(self) -> Indices:
        """(E, 2): its edges, as indices of nodes."""
        return self.start.ends

    @cached_property
    def score(self) -> tuple[float, float]:
        """Lower is better: the cost by the problem's objective, then the condition."""
        return OBJECTIVES[self.problem.objective].cost(self), self.condition


def judge(problem: Problem, start: Solved, most: int = MOST) -> Design | None:
    """How good a circuit is; None if it cannot reach the targets.

    Args:
        start: before training; solved anew, so that no rounding of updates is left.
        most: steps of training after which it does not matter any more.
    """
    try:
        start = start.with_conductances(start.conductances)
        found = (_met if start.plan.reachable else _fitted)(problem, start, most)
    except (NetworkError, np.linalg.LinAlgError):
        return None
    if found is None:
        return None
    solution, course = found
    end = course.end if course.reached else solution
    jacobian = end.jacobian()
    least = float(np.linalg.eigvalsh(jacobian @ jacobian.T)[0])
    return Design(problem, start, end, course, float(condition(spectrum(end, problem.rule))), max(least, 0.0), most)


def _met(problem: Problem, start: Solved, most: int) -> tuple[Solved, Course] | None:
    """The circuit on the solution manifold and the course of its training; None if it does not get there."""
    solution = settle(start, problem.bounds)
    if solution is None:
        return None
    return solution, fastest(start, solution, problem.rule, problem.bounds, problem.loss, most)


def _fitted(problem: Problem, start: Solved, most: int) -> tuple[Solved, Course] | None:
    """A circuit with the wanted loss and the course of its training, where targets cannot be met; None if it has none."""
    known = fit(start, problem.bounds, problem.loss) if most == MOST else None
    if known is None and most == MOST:
        return None
    course = fastest(start, start, problem.rule, problem.bounds, problem.loss, most)
    return (course.end if known is None else known, course) if course.reached or known is not None else None


def random_graph(problem: Problem, random: np.random.Generator) -> Indices:
    """Edges (E, 2) of a random graph of the candidates in which each node has a path to an input, and each input an edge."""
    pairs, count = problem.useful(problem.plan), len(problem.nodes)
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


def design(problem: Problem, seed: int = 0, restarts: int = 8, progress: Progress | None = None) -> Design:
    """The best design of some searches from random graphs.

    A search exchanges one edge for another, or makes another change of those that may be made (`CHANGES`), as long as that
    helps. Each is screened by the exact J Jᵀ that it would have at the present conductances; the best are trained.

    Raises:
        ModelError: no search found a circuit that reaches the targets.
    """
    found: list[Design | None] = []
    screened = 0
    for number in range(restarts):
        one, screened = climb(problem, seed, number, screened, progress)
        found.append(one)
    return best_of(problem, found)


def best_of(problem: Problem, found: Sequence[Design | None]) -> Design:
    """The one with the lowest score, the first of equals.

    Raises:
        ModelError: there is none; says whether any could be.
    """
    there = [one for one in found if one is not None]
    if there:
        return min(there, key=lambda one: one.score)
    missed = averages_miss(problem)
    if missed < MISSED * float(np.abs(problem.task.targets).max()):
        raise ModelError("no design reaches the targets: allow more edges, wider bounds or other nodes")
    loss = "" if problem.rule == "al" else f", or ask for a loss above {missed**2 * len(problem.outputs) / 2:.3g} V²"
    raise ModelError(
        f"no design reaches the targets: each output is an average of the inputs, and the best averages miss them by "
        f"{missed:.3g} V rms; change the targets{loss}"
    )


def climb(
    problem: Problem, seed: int, number: int, screened: int = 0, progress: Progress | None = None
) -> tuple[Design | None, int]:
    """One search from a random graph, whatever the others found.

    Args:
        seed, number: of its random numbers, the latter from one restart to the next.
        screened: changes so far.

    Returns:
        The design, None if it reaches no targets; and `screened` with its own changes.
    """
    random = np.random.default_rng([seed, number])
    for _ in range(BEGINNINGS):
        start = problem.begin(random_graph(problem, random))
        best = judge(problem, start)
        if best is not None:
            break
    at = start if best is None or not start.plan.reachable else best.solution
    while True:
        tries, count = _screened(problem, start, at, random)
        screened += count
        better = next(_better(problem, best, start, tries), None)
        if progress is not None:
            progress(screened, np.inf if best is None else best.course.steps)
        if better is None:
            return best, screened
        best, start = better, better.start
        at = better.solution if start.plan.reachable else start


def _better(problem: Problem, best: Design | None, start: Solved, tries: Sequence[Change]) -> Iterator[Design]:
    """Designs after some changes that are better than the best so far."""
    most = best.course.steps + 1 if best is not None and problem.objective == "steps" else MOST
    for change in tries:
        changed = change.applied(start)
        found = None if changed is None else judge(problem, changed, most)
        if found is not None and (best is None or found.score < best.score):
            yield found


def _screened(problem: Problem, start: Solved, at: Solved, random: np.random.Generator) -> tuple[list[Change], int]:
    """The most promising changes, best first; and how many were screened."""
    found = [one for name in problem.change for one in CHANGES[name](problem, start, at, random)]
    found = [one for one in found if np.isfinite(one[0])]
    return [change for _, change in nsmallest(JUDGED, found, key=lambda one: one[0])], len(found)


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
