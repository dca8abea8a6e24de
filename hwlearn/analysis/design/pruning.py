"""`thinned`: a design with one edge less after the other, and what each costs."""

from __future__ import annotations

from hwlearn.analysis.design.goals import OBJECTIVES, Outlook
from hwlearn.analysis.design.search import Design, judge

JUDGED = 6
"""Edges that are tried to be taken away at each count, the most promising first."""


def thinned(found: Design) -> tuple[Design, ...]:
    """Each with one edge less than the one before, until the targets cannot be reached."""
    designs: list[Design] = []
    here = found
    while True:
        problem, at = here.problem, here.solution
        ranked: list[tuple[float, int]] = []
        for edge in range(len(here.ends)):
            left = at.without(edge)
            if left is not None:
                ranked.append((float(OBJECTIVES[problem.objective].screen(problem, Outlook.of(left))[0]), edge))
        starts = [here.start.without(edge) for _, edge in sorted(ranked)[:JUDGED]]
        tried = [judge(problem, start) for start in starts if start is not None]
        reached = [one for one in tried if one is not None and one.course.reached]
        if not reached:
            return tuple(designs)
        here = min(reached, key=lambda one: one.score)
        designs.append(here)
