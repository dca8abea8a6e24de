"""`legend_below`: a legend under its axes, clear of ticks and labels, so that it covers nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from matplotlib import rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation

from hwlearn.show.plots.picture import SMALL

LETTER = 0.6
"""Width of a letter of a legend, in letters of axes."""

HANDLE = 8
"""Letters that a handle takes the room of."""

POINTS = 72.0
"""In an inch."""


class Below(Legend):
    """A legend that `place_legends` moves below the axes' own letters."""


def legend_below(axes: Axes, handles: Sequence[Artist] | None = None, *, title: str | None = None, across: int = 4) -> None:
    """Put a legend below axes: as many entries beside each other as there is room for, up to `across`."""
    shown, labels = (
        axes.get_legend_handles_labels() if handles is None else (list(handles), [str(h.get_label()) for h in handles])
    )
    if not labels:
        return
    longest = max(map(len, labels)) + HANDLE
    size = FontProperties(size=SMALL)
    options: dict[str, Any] = {"frameon": False, "prop": size, "columnspacing": 1.2, "handlelength": 1.8, "borderaxespad": 0.2}
    columns = max(1, min(across, len(labels), _letters(axes) // longest))
    legend = Below(axes, shown, labels, loc="upper center", ncols=columns, title=title, title_fontproperties=size, **options)
    _anchor(legend, axes, (3.2 if axes.axison else 1.4) * rcParams["font.size"])
    axes.legend_ = legend
    legend._remove_method = axes._remove_legend  # type: ignore[attr-defined]


def _letters(axes: Axes) -> int:
    """How many letters a line of a legend has room for, handles included."""
    figure, place = axes.get_figure(root=True), axes.get_subplotspec()
    assert isinstance(figure, Figure)
    beside = 1 if place is None else place.get_gridspec().ncols
    return int(figure.get_figwidth() * POINTS / beside / (LETTER * rcParams["font.size"]))


def _anchor(legend: Legend, axes: Axes, points: float) -> None:
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    down = ScaledTranslation(0, -points / POINTS, figure.dpi_scale_trans)
    legend.set_bbox_to_anchor((0.5, 0.0), axes.transAxes + down)


def place_legends(figure: Figure, renderer: RendererBase) -> None:
    """Move each legend below the letters of its axes, now that these are known."""
    for legend in figure.findobj(Below):
        axes = cast(Legend, legend).axes
        assert isinstance(axes, Axes)
        if axes.axison and (box := axes.xaxis.get_tightbbox(renderer)) is not None:
            _anchor(cast(Legend, legend), axes, (axes.bbox.y0 - box.y0) / figure.dpi * POINTS)
