"""SPICE's symbols as strokes, between two points or at a box, for schematics and networks alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from hwlearn.arrays import Array
from hwlearn.show.plots.picture import TRAINABLE

Stroke = Sequence[tuple[float, float]]

_ROUND = [(float(np.cos(a)), float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 25)]
_COILS = [(x, float(np.sin(np.pi * (x + 1) * 2)) if x < 1 else 0.0) for x in np.linspace(-1, 1, 41).tolist()]
SYMBOLS: dict[str, tuple[Stroke, ...]] = {
    "r": ([(-1, 0), (-0.83, 0.5), (-0.5, -0.5), (-0.17, 0.5), (0.17, -0.5), (0.5, 0.5), (0.83, -0.5), (1, 0)],),
    "v": (_ROUND, [(-0.7, 0), (-0.3, 0)], [(-0.5, -0.2), (-0.5, 0.2)], [(0.5, -0.2), (0.5, 0.2)]),
    "i": (_ROUND, [(-0.6, 0), (0.6, 0), (0.3, 0.3)], [(0.6, 0), (0.3, -0.3)]),
    "d": (
        [(-1, 0), (-0.6, 0)],
        [(-0.6, 0.6), (-0.6, -0.6), (0.6, 0), (-0.6, 0.6)],
        [(0.6, 0.6), (0.6, -0.6)],
        [(0.6, 0), (1, 0)],
    ),
    "c": ([(-1, 0), (-0.2, 0)], [(-0.2, -0.8), (-0.2, 0.8)], [(0.2, -0.8), (0.2, 0.8)], [(0.2, 0), (1, 0)]),
    "l": ([(x, abs(y) * 0.6) for x, y in _COILS],),
    "": ([(-1, 0), (0, 0.7), (1, 0), (0, -0.7), (-1, 0)],),
}
"""Strokes along an axis from −1 to 1, by the letter of a card; for others, that of controlled sources."""

THIN, BOLD = 0.9, 1.5
"""Widths of leads and of symbols, in points."""


def paint_symbol(
    axes: Axes, letter: str, start: Array, stop: Array, half: float, bow: float = 0.0, colour: str = TRAINABLE
) -> Array:
    """Paint an element of two nodes and its leads.

    Args:
        letter: of its card; "wire" for a wire.
        half: half the length of the symbol, in data; less where the way is short.
        bow: how far it stands off the straight way, for elements side by side.

    Returns:
        A point (2,) beside the symbol, for its name.
    """
    along = stop - start
    length = float(np.hypot(*along))
    along = along / length if length else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]])
    aside = across * bow
    centre = (start + stop) / 2 + aside
    if letter == "wire":
        paint_line(axes, [start, centre, stop], colour=colour)
        return np.asarray(centre)
    half = min(half, 0.3 * length) if length else 0.6 * half
    paint_line(axes, [start, start + aside, centre - half * along] if bow else [start, centre - half * along], colour=colour)
    paint_line(axes, [centre + half * along, stop + aside, stop] if bow else [centre + half * along, stop], colour=colour)
    for stroke in SYMBOLS.get(letter, SYMBOLS[""]):
        paint_line(axes, [centre + half * (x * along + y * across) for x, y in stroke], colour=colour, bold=True)
    return np.asarray(centre + 1.1 * half * across)


def paint_ground(axes: Axes, point: Array, step: float, colour: str = TRAINABLE) -> None:
    """Paint the symbol of ground below a point; `step` is the distance of nodes, in data."""
    for k, width in enumerate((0.08, 0.05, 0.02)):
        down, sideways = point - np.array([0.0, 0.03 * step * k]), np.array([width * step, 0.0])
        paint_line(axes, [down - sideways, down + sideways], colour=colour, bold=True)


def paint_leads(axes: Axes, ends: Sequence[Array], step: float, *, grounded: bool) -> Array:
    """Lines that meet at an element of several nodes; (2,) where they meet.

    Args:
        ends: (2,) of each node but ground, one at least.
        step: distance of neighbouring nodes.
        grounded: whether one of its nodes is ground.
    """
    centre: Array = np.mean(ends, axis=0) + (np.array([0.4 * step, 0.0]) if len(ends) == 1 else 0.0)
    for end in ends:
        paint_line(axes, [centre, end])
    if grounded:
        below = centre - np.array([0.0, 0.3 * step])
        paint_line(axes, [centre, below])
        paint_ground(axes, below, step)
    return centre


def paint_line(axes: Axes, points: Sequence[Array], *, colour: str = TRAINABLE, bold: bool = False) -> None:
    """Paint a lead, or with `bold` a stroke of a symbol."""
    xs, ys = np.array(points).T
    axes.plot(xs, ys, color=colour, linewidth=BOLD if bold else THIN, zorder=3 if bold else 2, solid_capstyle="round")


def free_direction(taken: list[float]) -> Array:
    """The middle of the widest gap between angles at which lines leave a node; it is taken afterwards."""
    angle = -np.pi / 2
    if taken:
        sorted_angles = np.sort(np.mod(taken, 2 * np.pi))
        gaps = np.diff(sorted_angles, append=sorted_angles[0] + 2 * np.pi)
        widest = int(np.argmax(gaps))
        angle = float(sorted_angles[widest] + gaps[widest] / 2)
    taken.append(angle)
    return np.array([np.cos(angle), np.sin(angle)])
