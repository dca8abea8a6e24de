"""`Label`: the name of a node or of an edge, at the first of its places where it covers nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from hwlearn.arrays import Array

GAP = 0.9
"""Distance from a dot to a name beside it, in letters."""

AROUND: tuple[tuple[float, float], ...] = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1.3), (0, -1.3), (1.2, 0), (-1.2, 0))
"""Directions in which the name of a dot may stand."""

LEFTWARD: tuple[tuple[float, float], ...] = ((-2.8, 0), (-4, 0), (-5.5, 0), (-1, 1))
"""Of a dot at whose left a source is: beyond its symbol, or above it."""

DOT = 3
"""Lines that are as bad to cover as a dot."""

ALONG = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)
"""Parts of the way from tail to head at which the name of an edge may stand."""


class Label(Annotation):
    """A text that may stand at several places.

    Attributes:
        places: (point in data, offset in points, horizontal, vertical alignment) of each, the best one first.
        needed: it may cover dots and lines where there is no other place. No label covers another one: it is hidden then.
        through: how many lines may pass below it.
    """

    def __init__(
        self,
        text: str,
        places: Sequence[tuple[Array, Array, str, str]],
        *,
        needed: bool,
        through: int = 0,
        **style: Any,
    ) -> None:
        super().__init__(text, (0.0, 0.0), xytext=(0, 0), textcoords="offset points", annotation_clip=False, **style)
        self.set_clip_on(False)
        self.places, self.needed, self.through = places, needed, through
        self.put(0)

    def put(self, number: int) -> None:
        """Stand at one of the places."""
        point, offset, across, upright = self.places[number]
        self.xy = (float(point[0]), float(point[1]))
        self.xyann = (float(offset[0]), float(offset[1]))
        self.set(ha=across, va=upright)


def name_dot(
    axes: Axes, text: str, point: Array, size: float, first: Sequence[tuple[float, float]] = (), **style: Any
) -> None:
    """Put a name beside a dot.

    Args:
        point: of the dot, in data. size: of letters, in points.
        first: directions that are tried before those of `AROUND`.
    """
    places = []
    for x, y in (*first, *AROUND):
        across = "left" if x > 0 else "right" if x < 0 else "center"
        places.append(
            (point, GAP * size * np.array([x, y]) / 1.3, across, "bottom" if y > 0 else "top" if y < 0 else "center")
        )
    axes.add_artist(Label(text, places, needed=True, fontsize=size, **style))


def name_line(axes: Axes, text: str, way: Array, size: float, *, needed: bool = False, **style: Any) -> None:
    """Put a name onto a line along points (k, 2), in data; it is hidden where there is no room."""
    whole = np.linspace(0, 1, len(way))
    points = [np.array([np.interp(part, whole, way[:, 0]), np.interp(part, whole, way[:, 1])]) for part in ALONG]
    places = [(point, np.zeros(2), "center", "center") for point in points]
    axes.add_artist(Label(text, places, needed=needed, through=1, fontsize=size, **style))


class Clear:
    """What the labels of some axes shall not cover.

    Attributes:
        points: (k, 2) dots, in data. ways: (k, 2, 2) straight lines, in data.
    """

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.ways: list[Array] = []

    @classmethod
    def of(cls, axes: Axes) -> Clear:
        """That of axes, which is empty at first."""
        found: Clear | None = getattr(axes, "_hwlearn_clear", None)
        if found is None:
            found = axes._hwlearn_clear = cls()  # type: ignore[attr-defined]
        return found

    def on_screen(self, axes: Axes) -> tuple[Array, Array]:
        """The same in dots of the screen."""
        points, ways = np.concatenate([np.empty((0, 2)), *self.points]), np.concatenate([np.empty((0, 2, 2)), *self.ways])
        to_screen = axes.transData.transform
        return to_screen(points), to_screen(ways.reshape(-1, 2)).reshape(-1, 2, 2)


def place_labels(figure: Figure, renderer: RendererBase) -> None:
    """Let each label of a figure stand where it covers least: no other one, no dot, few lines."""
    labels = [label for label in figure.findobj(Label) if label.axes is not None]
    for axes in dict.fromkeys(label.axes for label in labels):
        assert isinstance(axes, Axes)
        points, ways = Clear.of(axes).on_screen(axes)
        taken: list[Bbox] = []
        mine = [label for label in labels if label.axes is axes]
        for label in sorted(mine, key=lambda one: not one.needed):
            _place(label, taken, points, ways, renderer)


def _place(label: Label, taken: list[Bbox], points: Array, ways: Array, renderer: RendererBase) -> None:
    costs = []
    label.set_visible(True)
    for number in range(len(label.places)):
        label.put(number)
        box = label.get_window_extent(renderer).padded(1.0)
        hidden = sum(box.overlaps(other) for other in taken)
        inside = (points >= [box.x0, box.y0]).all(axis=1) & (points <= [box.x1, box.y1]).all(axis=1)
        crossed = max(0, _crossings(box, ways) - label.through)
        costs.append((hidden, DOT * int(inside.sum()) + crossed))
        if not any(costs[-1]):
            break
    best = min(range(len(costs)), key=lambda k: costs[k])
    label.put(best)
    if not costs[best][0] and (label.needed or not any(costs[best])):
        taken.append(label.get_window_extent(renderer).padded(1.0))
    else:
        label.set_visible(False)


def _crossings(box: Bbox, ways: Array) -> int:
    """How many straight lines (k, 2, 2) pass through a box (Liang and Barsky 1984)."""
    start, along = ways[:, 0], ways[:, 1] - ways[:, 0]
    low, high = np.array([box.x0, box.y0]), np.array([box.x1, box.y1])
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (low - start) / along, (high - start) / along
    parallel = along == 0
    within = (start >= low) & (start <= high)
    enter = np.where(parallel, np.where(within, -np.inf, np.inf), np.minimum(one, two)).max(axis=1)
    leave = np.where(parallel, np.where(within, np.inf, -np.inf), np.maximum(one, two)).min(axis=1)
    return int((np.maximum(enter, 0) <= np.minimum(leave, 1)).sum())
