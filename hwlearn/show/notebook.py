"""What a notebook shows of a network, an analysis, a comparison, a run: `_repr_svg_` and `_repr_html_` ask here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, BinaryIO

from hwlearn.errors import HwlearnError
from hwlearn.show import draw_analysis, draw_comparison, draw_network, draw_operating_point, draw_run
from hwlearn.show.facts import Section
from hwlearn.show.facts.analysis import analysis_facts
from hwlearn.show.facts.comparison import comparison_facts
from hwlearn.show.facts.training import run_facts
from hwlearn.show.plots.inline import as_svg
from hwlearn.show.report.page import figure, page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwlearn.analysis.analyze import Analysis
    from hwlearn.analysis.operating import OperatingPoint
    from hwlearn.experiments.runs import Run
    from hwlearn.inference.comparison import Comparison
    from hwlearn.network import Network


def network_svg(network: Network) -> str:
    """The picture of `draw_network`."""
    return as_svg(draw_network(network))


def analysis_html(found: Analysis) -> str:
    """Facts and figure of an analysis."""
    facts = analysis_facts(found)
    return _html(facts.title, facts.sections, lambda to: draw_analysis(found, to))


def operating_point_html(found: OperatingPoint) -> str:
    """Facts and figure of an operating point."""
    facts = analysis_facts(found)
    return _html(facts.title, facts.sections, lambda to: draw_operating_point(found, to))


def comparison_html(found: Comparison) -> str:
    """Verdicts and figure of a comparison."""
    return _html("", comparison_facts(found.as_dict()).sections, lambda to: draw_comparison(found, to))


def run_html(run: Run) -> str:
    """Summary and figure of a run; of one that cannot be read any more, why."""
    try:
        facts = run_facts(run)
        return _html(facts.title, facts.sections[:1], lambda to: draw_run(run, to))
    except HwlearnError as error:
        return f"<pre>{escape(repr(run))}\n{escape(str(error))}</pre>"


def _html(title: str, sections: Sequence[Section], draw: Callable[[BinaryIO], object]) -> str:
    return page("inline.html").render(title=title, sections=sections, picture=figure(draw))
