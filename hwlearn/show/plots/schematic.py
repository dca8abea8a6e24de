"""A netlist as a schematic: SPICE's symbols between the nodes, and a symbol for each end at ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.show.facts.network import counts
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import draw_network
from hwlearn.show.plots.picture import GROUNDED, TRAINABLE, save, short
from hwlearn.text import GROUND

MOST = 80
"""Elements that can be told apart in a schematic; larger networks are drawn as graphs."""

STUB = 0.55
"""Length of an element with one end at ground, in mean distances of nodes."""

Stroke = Sequence[tuple[float, float]]

_ROUND = [(float(np.cos(a)), float(np.sin(a))) for a in np.linspace(0, 2 * np.pi, 25)]
_COILS = [(x, float(np.sin(np.pi * (x + 1) * 2)) if x < 1 else 0.0) for x in np.linspace(-1, 1, 41).tolist()]
_SYMBOLS: dict[str, tuple[Stroke, ...]] = {
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


class _Part(NamedTuple):
    name: str
    letter: str
    nodes: tuple[str, ...]
    value: str


def draw_schematic(network: Network, path: str | PathLike[str]) -> None:
    """Draw a network as a schematic into a picture file, or as a graph if it is large.

    Args:
        path: PNG, SVG or PDF, by its ending.

    Raises:
        HwlearnError: the file cannot be written.
    """
    parts = list(_parts(network))
    if len(parts) > MOST:
        draw_network(network, path)
        return
    at = dict(zip(network.nodes, place_nodes(network, ground=False), strict=True))
    at.pop(GROUND, None)
    figure = Figure(figsize=(9, 9), layout="constrained")
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.axis("off")
    _paint(axes, parts, at)
    axes.autoscale_view()
    axes.margins(0.1)
    axes.set_title(f"{short(network.title)}: {counts(network)}", fontsize=11)
    save(figure, path)


def _parts(network: Network) -> Iterator[_Part]:
    for k, (edge, g) in enumerate(zip(network.edges, network.conductances.tolist(), strict=True)):
        device = network.device_at.get(k)
        if device is None:
            yield _Part(edge.name, "r", edge[:2], f"{1 / g:.4g} Ω")
        else:
            yield _Part(edge.name, device.letter, (*edge[:2], *device.further), device.word)
    for source in network.sources:
        wire = source.name[:1] in "rR" and not source.value
        ends = (source.plus, source.minus) if source.kind == "voltage" else (source.minus, source.plus)
        yield _Part(
            source.name, "wire" if wire else source.kind[0].replace("c", "i"), ends, f"{source.value:.4g} {source.unit}"
        )
    for element in network.elements:
        rest = element.card.split()[1 + len(element.nodes) :]
        if element.nodes:
            yield _Part(element.name, element.name[:1].lower(), element.nodes, rest[0] if rest else "")


def _paint(axes: Axes, parts: Sequence[_Part], at: dict[str, Array]) -> None:
    points = np.array(list(at.values())) if at else np.zeros((1, 2))
    span = max(float(np.ptp(points, axis=0).max()), 1.0)
    step = span / max(len(at) ** 0.5, 1.0)
    pairs: Counter[frozenset[str]] = Counter()
    taken = _directions(parts, at)
    for part in parts:
        ends = list(dict.fromkeys(part.nodes))
        if len(part.nodes) > 2 or len(ends) == 1:
            _box(axes, part, [at[node] for node in ends if node != GROUND], step, grounded=GROUND in ends)
            continue
        one, two = part.nodes
        if GROUND in part.nodes:
            node = two if one == GROUND else one
            end = at[node] + STUB * step * _free_direction(taken[node])
            start, stop = (end, at[node]) if one == GROUND else (at[node], end)
            _ground(axes, end, step)
            _symbol(axes, part, start, stop, step, 0)
            continue
        _symbol(axes, part, at[one], at[two], step, pairs[frozenset(part.nodes)])
        pairs[frozenset(part.nodes)] += 1
    for node, point in at.items():
        axes.plot(*point, "o", color=GROUNDED, markersize=4, zorder=4)
        axes.annotate(
            _plain(node),
            (point[0], point[1]),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            zorder=5,
        )


def _directions(parts: Sequence[_Part], at: dict[str, Array]) -> dict[str, list[float]]:
    """Angles at which lines leave each node."""
    found: dict[str, list[float]] = {node: [] for node in at}
    for part in parts:
        ends = [node for node in dict.fromkeys(part.nodes) if node != GROUND]
        centre = np.mean([at[node] for node in ends], axis=0) if ends else np.zeros(2)
        for node in ends:
            away = centre - at[node]
            if np.hypot(*away):
                found[node].append(float(np.arctan2(away[1], away[0])))
    return found


def _free_direction(taken: list[float]) -> Array:
    """The middle of the widest gap between the directions that are taken; it is taken afterwards."""
    angle = -np.pi / 2
    if taken:
        sorted_angles = np.sort(np.mod(taken, 2 * np.pi))
        gaps = np.diff(sorted_angles, append=sorted_angles[0] + 2 * np.pi)
        widest = int(np.argmax(gaps))
        angle = float(sorted_angles[widest] + gaps[widest] / 2)
    taken.append(angle)
    return np.array([np.cos(angle), np.sin(angle)])


def _symbol(axes: Axes, part: _Part, start: Array, stop: Array, step: float, shift: int) -> None:
    along = stop - start
    length = float(np.hypot(*along))
    along = along / length if length else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]])
    bow = across * 0.28 * step * ((shift + 1) // 2) * (-1) ** shift
    centre = (start + stop) / 2 + bow
    if part.letter == "wire":
        _line(axes, [start, centre, stop])
        return
    half = min(0.16 * step, 0.3 * length) if length else 0.1 * step
    _line(axes, [start, start + bow, centre - half * along] if shift else [start, centre - half * along])
    _line(axes, [centre + half * along, stop + bow, stop] if shift else [centre + half * along, stop])
    for stroke in _SYMBOLS.get(part.letter, _SYMBOLS[""]):
        _line(axes, [centre + half * (x * along + y * across) for x, y in stroke], bold=True)
    _label(axes, part, centre + 1.1 * half * across)


def _box(axes: Axes, part: _Part, ends: Sequence[Array], step: float, *, grounded: bool) -> None:
    """An element of several nodes: its name in a box, a line to each node."""
    if not ends:
        return
    centre = np.mean(ends, axis=0) + (np.array([0.4 * step, 0.0]) if len(ends) == 1 else 0.0)
    for end in ends:
        _line(axes, [centre, end])
    if grounded:
        below = centre - np.array([0.0, 0.3 * step])
        _line(axes, [centre, below])
        _ground(axes, below, step)
    box = {"facecolor": "white", "edgecolor": TRAINABLE, "pad": 2.5}
    axes.annotate(
        f"{_plain(part.name)}\n{_plain(part.value)}",
        (centre[0], centre[1]),
        ha="center",
        va="center",
        fontsize=7,
        bbox=box,
        zorder=4,
    )


def _ground(axes: Axes, point: Array, step: float) -> None:
    for k, width in enumerate((0.08, 0.05, 0.02)):
        down, sideways = point - np.array([0.0, 0.03 * step * k]), np.array([width * step, 0.0])
        _line(axes, [down - sideways, down + sideways], bold=True)


def _line(axes: Axes, points: Sequence[Array], *, bold: bool = False) -> None:
    xs, ys = np.array(points).T
    axes.plot(xs, ys, color=TRAINABLE, linewidth=1.5 if bold else 0.9, zorder=3 if bold else 2, solid_capstyle="round")


def _label(axes: Axes, part: _Part, point: Array) -> None:
    axes.annotate(f"{_plain(part.name)} {_plain(part.value)}", (point[0], point[1]), fontsize=7, color=TRAINABLE, zorder=5)


def _plain(text: str) -> str:
    """Not taken for mathematics."""
    return text.replace("$", r"\$")
