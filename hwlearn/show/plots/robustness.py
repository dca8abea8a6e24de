"""Error floors against each imperfection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import GROUNDED, PLAIN, SERIES, TITLE, Target
from hwlearn.show.plots.sheet import Form, Place, chosen, drawn, of
from hwlearn.show.plots.styles import PREDICTED

if TYPE_CHECKING:
    from hwlearn.analysis.robustness import Case, Robustness

FORM = Form((4.4, 4.0), across=3)
MARKS = "os^dvPX"
AS_IT_IS = "none"
"""The remedy that is none."""


def draw_robustness(
    found: Robustness,
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw one panel per imperfection: loss at the end of training over its size, one line per remedy, and the prediction.

    A loss of 0, or a prediction of 0, has no place on a logarithmic axis: a triangle at the lower edge stands for it.

    Args:
        found: of `robustness`.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: names of imperfections; all if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    cases: dict[str, list[Case]] = {}
    for case in found.cases:
        cases.setdefault(case.imperfection, []).append(case)
    remedies = list(dict.fromkeys(remedy for case in found.cases for remedy in case.losses))
    looks = {remedy: (SERIES[k % len(SERIES)], MARKS[k % len(MARKS)]) for k, remedy in enumerate(remedies)}
    names = chosen(panels, list(cases))
    paints = {name: of(_panel, name, cases[name], found.perfect, looks) for name in names}
    return drawn(paints, target, ax, width, FORM)


def _panel(axes: Axes, name: str, cases: list[Case], perfect: float, looks: dict[str, tuple[str, str]]) -> None:
    sizes = [case.size for case in cases]
    for remedy in cases[0].losses:
        colour, mark = looks[remedy]
        label = "as it is" if remedy == AS_IT_IS else remedy
        _line(axes, sizes, [case.losses[remedy] for case in cases], label, color=colour, marker=mark, linestyle="-")
    predicted = [case.predicted for case in cases if case.predicted is not None]
    if len(predicted) == len(cases):
        _line(axes, sizes, predicted, "predicted", color=GROUNDED, linestyle=PREDICTED)
    if perfect > 0:
        axes.axhline(perfect, color=PLAIN, linewidth=1, label="perfect hardware")
    axes.set_title(name, fontsize=TITLE)
    axes.set_xscale("log")
    axes.set_xlabel(f"size [{cases[0].unit}]")
    axes.set_ylabel("final loss ½‖o − y‖² [V²]")
    axes.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.grid(alpha=0.3)
    legend_below(axes)


def _line(axes: Axes, sizes: list[float], values: Sequence[float], label: str, **style: Any) -> None:
    """A line through what is above zero; what is zero stands at the lower edge."""
    at, losses = np.array(sizes), np.array(values, dtype=float)
    above = losses > 0
    if above.any():
        axes.set_yscale("log")
    axes.plot(at[above], losses[above], label=label, markersize=4, linewidth=1, **style)
    nothing = ~above & np.isfinite(losses)
    if nothing.any():
        place = axes.get_xaxis_transform()
        style = {"color": style["color"], "marker": 7, "linestyle": "", "clip_on": False}
        axes.plot(at[nothing], np.full(int(nothing.sum()), 0.02), transform=place, label=f"{label}: 0", markersize=5, **style)
