"""The numbers behind the claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import INPUT, SERIES, TITLE, Target, plain
from hwlearn.show.plots.sheet import Form, Place, chosen, drawn, of

if TYPE_CHECKING:
    from hwlearn.claims.rows import Row

FORM = Form((5.0, 4.2), across=3)
TIME, PREDICTED = "t", "predicted"

AXES = {
    "loss": "loss ½‖o − y‖² [V²]",
    "t": "time of the flow [unit of the rule]",
    "distance": "distance to the solutions [S]",
    "nudge": "nudge / natural nudge [1]",
    "error": "error of the direction / its largest edge [1]",
    "predicted": "predicted [unit of the claim]",
    "measured": "measured [unit of the claim]",
}
"""What the series of claims are, with their units."""


def draw_claims(
    rows: Sequence[Row],
    target: Target | None = None,
    panels: Sequence[str] = (),
    *,
    ax: Place = None,
    width: float | None = None,
) -> Figure:
    """Draw every row that has numbers, one panel for each claim.

    Args:
        rows: of the claims.
        target: PNG, SVG or PDF, by its ending; or a stream.
        panels: letters of claims; all if not given.
        ax: axes to draw on, one for each panel; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: no such panel; the file cannot be written.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.series:
            groups.setdefault(f"{row.claim}: {', '.join(row.series)}", []).append(row)
    letters = list(dict.fromkeys(name[0] for name in groups))
    wanted = chosen(panels, letters) if groups else []
    paints = {name: of(_panel, group) for name, group in groups.items() if name[0] in wanted}
    return drawn(paints, target, ax, width, FORM)


def _panel(axes: Axes, rows: Sequence[Row]) -> None:
    for row, colour in zip(rows, SERIES, strict=False):
        _series(axes, row, colour)
    axes.set_title(rows[0].claim, fontsize=TITLE)
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    if len(rows) > 1:
        legend_below(axes)


def _series(axes: Axes, row: Row, colour: str) -> None:
    assert row.series is not None
    names = list(row.series)
    axes.set_yscale("log")
    axes.set_ylabel(AXES.get(names[-1], names[-1]))
    if len(names) == 1:
        values = np.asarray(row.series[names[0]])
        axes.plot(np.arange(len(values)), values, color=colour, label=_label(row))
        axes.set_xlabel("step" if names[0] == "loss" else "target, sorted")
        return
    x, y = (np.asarray(row.series[name]) for name in names)
    axes.plot(x, y, ".", color=colour, label=_label(row), markersize=4)
    axes.set_xscale("linear" if names[0] == TIME else "log")
    if names[0] == PREDICTED:
        ends = [x.min(), x.max()]
        axes.plot(ends, ends, color=INPUT, linewidth=0.8)
    elif names[0] != TIME:
        axes.plot(x, y, color=colour, linewidth=0.5)
    axes.set_xlabel(AXES.get(names[0], names[0]))


def _label(row: Row) -> str:
    return plain(row.statement.partition(":")[0])
