"""`front`: designs none of which is better than another in every objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwlearn.analysis.design.goals import OBJECTIVES
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.pruning import thinned
from hwlearn.analysis.design.search import Design, Progress, design


def front(
    problem: Problem, objectives: Sequence[str], seed: int = 0, restarts: int = 8, progress: Progress | None = None
) -> tuple[Design, ...]:
    """The Pareto front that was found, the best by the first objective first; one design if there is one objective.

    Each objective but "edges" is searched for by itself. For "edges", edges are then taken away one by one.

    Raises:
        ModelError: no search found a circuit that reaches the targets.
    """
    best = [design(replace(problem, objective=name), seed, restarts, progress) for name in searched(objectives)]
    return unbeaten(best, objectives)


def searched(objectives: Sequence[str]) -> list[str]:
    """Those that are searched for; "steps" if there is none but "edges"."""
    return [name for name in objectives if name != "edges"] or ["steps"]


def unbeaten(best: Sequence[Design], objectives: Sequence[str]) -> tuple[Design, ...]:
    """The front of the best designs by each objective that is searched for, and of what is left when edges are taken away."""
    found = [one for design in best for one in (design, *(thinned(design) if "edges" in objectives else ()))]
    costs = np.array([[OBJECTIVES[name].cost(one) for name in objectives] for one in found])
    kept: list[int] = []
    for k in np.lexsort(costs.T[::-1]).tolist():
        if not any((costs[other] <= costs[k]).all() for other in kept):
            kept.append(k)
    return tuple(found[k] for k in kept)
