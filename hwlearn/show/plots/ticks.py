"""`thin_ticks`: fewer numbers on logarithmic axes where they would stand on each other."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter


def thin_ticks(figure: Figure, renderer: RendererBase) -> None:
    """Take 2 and 5 of each decade alone, or no number between decades, where numbers overlap."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() != "log" or not _crowded(axis, renderer):
                continue
            axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
            if _crowded(axis, renderer) and _seen(axis) > 1:
                axis.set_minor_formatter(NullFormatter())


def _crowded(axis: Axis, renderer: RendererBase) -> bool:
    axis.get_tightbbox(renderer)  # brings the ticks up to date
    labels = [tick.label1 for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if _inside(axis, tick.get_loc())]
    boxes = [label.get_window_extent(renderer) for label in labels if label.get_text() and label.get_visible()]
    return any(one.overlaps(two) for k, one in enumerate(boxes) for two in boxes[k + 1 :])


def _seen(axis: Axis) -> int:
    """How many decades are within the axis."""
    return sum(_inside(axis, float(place)) for place in axis.get_majorticklocs())


def _inside(axis: Axis, place: float) -> bool:
    low, high = sorted(axis.get_view_interval())
    return bool(low <= place <= high)
