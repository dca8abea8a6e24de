"""`at_random`: what graphs do that nobody designed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import Design, judge, random_graph
from hwlearn.arrays import Indices


@dataclass(frozen=True, eq=False)
class AtRandom:
    """Random graphs of as many edges as a design has, each at the best learning rate of its own.

    Attributes:
        tried: how many.
        found: those that can reach the targets.
    """

    tried: int
    found: tuple[Design, ...]

    @property
    def share(self) -> float:
        """Of those that can reach the targets, 0 … 1."""
        return len(self.found) / self.tried

    @property
    def steps(self) -> tuple[float, float]:
        """Median and fewest steps of those; infinite for one that does not get there in time, NaN if there are none."""
        counts = [float(one.course.steps) if one.course.reached else np.inf for one in self.found]
        return (float(np.median(counts)), float(min(counts))) if counts else (float("nan"), float("nan"))


def at_random(problem: Problem, count: int = 20, seed: int = 0) -> AtRandom:
    """Judge random graphs."""
    judged = [judge(problem, problem.begin(ends)) for ends in random_graphs(problem, count, seed)]
    return AtRandom(count, tuple(design for design in judged if design is not None))


def random_graphs(problem: Problem, count: int, seed: int) -> list[Indices]:
    """Edges (E, 2) of each."""
    random = np.random.default_rng(seed)
    return [random_graph(problem, random) for _ in range(count)]
