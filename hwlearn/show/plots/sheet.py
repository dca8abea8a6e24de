"""`drawn`: panels on one figure, or on axes that are given, as a file or not. All figures are made here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hwlearn.errors import HwlearnError
from hwlearn.show.plots.labels import Label, place_labels
from hwlearn.show.plots.legends import place_legends
from hwlearn.show.plots.picture import MILLIMETRES, Target, drawn_at, save
from hwlearn.show.plots.ticks import thin_ticks

Paint = Callable[[Axes], None]
"""Draws a panel."""

Place = Axes | Sequence[Axes] | None
"""Where panels are drawn: on axes, one for each panel, or, with None, on a figure of their own."""

NARROW = 80.0
"""Width in mm that a panel has at least, so that in a column of print panels stand below each other."""


@dataclass(frozen=True)
class Form:
    """How large panels are, and how many stand beside each other.

    Attributes:
        panel: width and height of one, in inches; only their ratio matters where a width is given.
        across: panels beside each other, at most.
    """

    panel: tuple[float, float] = (6.4, 4.6)
    across: int = 2


def drawn(
    panels: Mapping[str, Paint],
    target: Target | None,
    ax: Place,
    width: float | None,
    form: Form,
    title: Sequence[str] = (),
) -> Figure:
    """Draw panels, and write the figure if there is a target.

    Args:
        panels: by name, in their order; see `chosen`.
        target: PNG, SVG or PDF, by its ending; or a stream; or None.
        ax: one axes for each panel; a new figure if None.
        width: of the new figure in mm, for print: letters of 7 pt, panels of `NARROW` or more each.
        form: of the new figure.
        title: parts of a line above the panels; each is a line of its own where panels stand below each other.

    Raises:
        HwlearnError: axes of another number; axes and a target or width at once; the file cannot be written.
    """
    if ax is not None:
        return _on_axes(panels, ax, target, width)
    columns = min(len(panels), form.across if width is None else min(form.across, max(1, int(width // NARROW))))
    rows = -(-len(panels) // columns)
    with drawn_at(width):
        wide = columns * form.panel[0] if width is None else width / MILLIMETRES
        figure = Figure(figsize=(wide, rows * form.panel[1] / (columns * form.panel[0]) * wide), layout="constrained")
        for k, paint in enumerate(panels.values()):
            paint(figure.add_subplot(rows, columns, k + 1))
        if title:
            figure.suptitle((":\n" if columns == 1 else ": ").join(title))
        arrange(figure)
        if target is not None:
            save(figure, target)
    return figure


def _on_axes(panels: Mapping[str, Paint], ax: Axes | Sequence[Axes], target: Target | None, width: float | None) -> Figure:
    places: list[Axes] = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    if target is not None or width is not None:
        raise HwlearnError("ax and a file or a width: axes belong to a figure that is yours; save it by its savefig")
    if len(places) != len(panels):
        raise HwlearnError(f"ax: {len(places)} axes for the panels {', '.join(panels)}; give one for each, or fewer panels")
    for axes, paint in zip(places, panels.values(), strict=True):
        paint(axes)
    figure = places[0].get_figure(root=True)
    assert isinstance(figure, Figure)
    arrange(figure)
    return figure


def arrange(figure: Figure) -> None:
    """Place legends and labels, now that it is known how large everything is. Ticks take their letters here too."""
    if not isinstance(figure.canvas, FigureCanvasAgg):
        FigureCanvasAgg(figure)
    renderer = cast(RendererBase, figure.canvas.get_renderer())  # type: ignore[attr-defined]
    figure.draw_without_rendering()
    thin_ticks(figure, renderer)
    place_legends(figure, renderer)
    for _ in range(2 if figure.findobj(Label) else 0):  # labels at the edge take room from the axes
        figure.draw_without_rendering()
        place_labels(figure, renderer)


def of(paint: Callable[..., None], *things: Any) -> Paint:
    """A panel that paints these things."""
    return lambda axes: paint(axes, *things)


def chosen(names: Iterable[str], there: Sequence[str], known: Iterable[str] = (), what: str = "this") -> list[str]:
    """The names of panels that are wanted: all that are there if none is named.

    Args:
        names: as wanted. there: panels that can be drawn now. known: those that there may be another time.
        what: is drawn.

    Raises:
        HwlearnError: a name of none; tells all.
    """
    wanted = list(names) or list(there)
    for name in wanted:
        if name not in there:
            why = f"{what} has no such panel, at least not yet" if name in known else "no such panel"
            raise HwlearnError(f"panel {name}: {why}; there are {', '.join(there)}")
    return wanted
