"""A design: its circuit at the solution, how fast its errors decay, and what moves its outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.analysis.analyze import Analysis, analyze
from hwlearn.analysis.design.search import Design
from hwlearn.show.plots.analysis import FORM, PANELS
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import network_legend, paint_network
from hwlearn.show.plots.picture import Target
from hwlearn.show.plots.sheet import Place, chosen, drawn, of


def draw_design(
    found: Design,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw a design: the network with its trained conductances, and the panels of `draw_analysis` there.

    Args:
        found: of `design`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: "network", "spectrum", "current", "sensitivity"; all but the current if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    network = found.problem.network(found.solution)
    analysis = analyze(network, found.problem.task)
    known = {"network": _network, **PANELS}
    names = chosen(panels or ("network", "spectrum", "sensitivity"), list(known))
    steps = f"{found.course.steps} steps" if found.course.reached else f"more than {found.course.steps} steps"
    paints = {name: of(known[name], analysis) for name in names}
    return drawn(paints, target, ax, width, FORM, [f"{len(found.ends)} edges", steps])


def _network(axes: Axes, analysis: Analysis) -> None:
    paint_network(axes, analysis.network, place_nodes(analysis.network), names=True)
    network_legend(axes, analysis.network)
