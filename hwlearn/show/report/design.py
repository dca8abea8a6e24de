"""`design_html`: a design beside the median of the random graphs, as one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwlearn.analysis.analyze import analyze
from hwlearn.analysis.design.baseline import AtRandom
from hwlearn.analysis.design.search import Design
from hwlearn.show.facts.design import design_facts
from hwlearn.show.plots import draw_analysis
from hwlearn.show.report.page import figure, page


def design_html(found: Design, random: AtRandom, others: Sequence[Design] = ()) -> str:
    """The page's text: what was found, before and after with network, sensitivities and spectrum, and the parts.

    Args:
        others: of the Pareto front.
    """
    facts = design_facts(found, random, others)
    ranked = sorted(random.found, key=lambda one: one.course.steps)
    summary, parts = facts.sections
    middle = ranked[len(ranked) // 2] if ranked else None
    return page("design.html").render(
        title=facts.title, summary=summary, before=_drawn(middle), after=_drawn(found), parts=parts
    )


def _drawn(one: Design | None) -> dict[str, Any]:
    """Pictures of a design at its solution; None in place of them without one."""
    if one is None:
        return {"caption": "none", "network": None, "spectrum": None}
    found = analyze(one.problem.network(one.solution), one.problem.task)
    steps = f"{one.course.steps} steps" if one.course.reached else f"more than {one.course.steps} steps"
    return {
        "caption": steps,
        "network": figure(lambda to: draw_analysis(found, to, ["sensitivity"])),
        "spectrum": figure(lambda to: draw_analysis(found, to, ["spectrum"])),
    }
