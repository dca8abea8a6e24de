"""A netlist as a schematic: SPICE's symbols between the nodes, and a symbol for each end at ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.show.facts.network import counts
from hwlearn.show.plots.labels import Clear, Label, name_dot
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.network import FORM, draw_network
from hwlearn.show.plots.picture import EDGE, GROUNDED, NODE, TITLE, TRAINABLE, Target, plain, short
from hwlearn.show.plots.sheet import Place, drawn
from hwlearn.show.plots.symbols import free_direction, paint_ground, paint_leads, paint_symbol
from hwlearn.text import GROUND

MOST = 80
"""Elements that can be told apart in a schematic; larger networks are drawn as graphs."""

HALF = 0.16
"""Half the length of a symbol, in mean distances of nodes."""

STUB = 0.55
"""Length of an element with one end at ground, in mean distances of nodes."""


OHM = EngFormatter(unit="Ω", sep=" ")


class _Part(NamedTuple):
    name: str
    letter: str
    nodes: tuple[str, ...]
    value: str


def draw_schematic(network: Network, target: Target | None = None, *, ax: Place = None, width: float | None = None) -> Figure:
    """Draw a network as a schematic, or as a graph if it is large.

    Args:
        network: of any size.
        target: PNG, SVG or PDF, by its ending; or a stream.
        ax: axes to draw on; a new figure if not given.
        width: of the figure in mm, for print.

    Raises:
        HwlearnError: the file cannot be written.
    """
    parts = list(_parts(network))
    if len(parts) > MOST:
        return draw_network(network, target, ax=ax, width=width)
    at = dict(zip(network.nodes, place_nodes(network, ground=False), strict=True))
    at.pop(GROUND, None)

    def paint(axes: Axes) -> None:
        axes.set_aspect("equal")
        axes.axis("off")
        _paint(axes, parts, at)
        axes.autoscale_view()
        axes.margins(0.1)
        axes.set_title(f"{short(network.title)}\n{counts(network)}", fontsize=TITLE)

    return drawn({"schematic": paint}, target, ax, width, FORM)


def _parts(network: Network) -> Iterator[_Part]:
    for k, (edge, g) in enumerate(zip(network.edges, network.conductances.tolist(), strict=True)):
        device = network.device_at.get(k)
        if device is None:
            yield _Part(edge.name, "r", edge[:2], OHM(float(f"{1 / g:.4g}")))
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
    for node, point in at.items():
        axes.plot(*point, "o", color=GROUNDED, markersize=0.4 * rcParams["font.size"], zorder=4)
        name_dot(axes, plain(node), point, NODE * rcParams["font.size"], fontweight="bold", zorder=6)
    for part in parts:
        ends = list(dict.fromkeys(part.nodes))
        if len(part.nodes) > 2 or len(ends) == 1:
            _box(axes, part, [at[node] for node in ends if node != GROUND], step, grounded=GROUND in ends)
            continue
        one, two = part.nodes
        if GROUND in part.nodes:
            node = two if one == GROUND else one
            end = at[node] + STUB * step * free_direction(taken[node])
            start, stop = (end, at[node]) if one == GROUND else (at[node], end)
            paint_ground(axes, end, step)
            _two_ends(axes, part, start, stop, step, 0)
            continue
        _two_ends(axes, part, at[one], at[two], step, pairs[frozenset(part.nodes)])
        pairs[frozenset(part.nodes)] += 1
    Clear.of(axes).points.append(points)


def _two_ends(axes: Axes, part: _Part, start: Array, stop: Array, step: float, shift: int) -> None:
    bow = 0.28 * step * ((shift + 1) // 2) * (-1) ** shift
    beside = paint_symbol(axes, part.letter, start, stop, HALF * step, bow)
    clear = Clear.of(axes)
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    clear.points.append((start + stop) / 2 + HALF * step * np.stack((np.cos(turns), np.sin(turns)), axis=1))
    clear.ways.append(np.array([[start, stop]]))
    if part.letter != "wire":
        _name(axes, part, beside, start, stop)


def _name(axes: Axes, part: _Part, beside: Array, start: Array, stop: Array) -> None:
    """Name and value beside a symbol, on either side of it, or along the way to its ends."""
    centre = (start + stop) / 2
    lean = 1.6 * (beside - centre)
    size = EDGE * rcParams["font.size"]
    places = []
    for part_of_way, side in product((0.5, 0.35, 0.65, 0.2, 0.8), (1.0, -1.0, 2.0, -2.0)):
        aside = side * lean
        across = "center" if abs(aside[0]) < 0.3 * float(np.hypot(*aside)) else "left" if aside[0] > 0 else "right"
        places.append((start + part_of_way * (stop - start) + aside, np.zeros(2), across, "center"))
    axes.add_artist(
        Label(f"{plain(part.name)}\n{plain(part.value)}", places, needed=True, fontsize=size, color=TRAINABLE, zorder=5)
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


def _box(axes: Axes, part: _Part, ends: Sequence[Array], step: float, *, grounded: bool) -> None:
    """An element of several nodes: its name in a box, a line to each node."""
    if not ends:
        return
    centre = paint_leads(axes, ends, step, grounded=grounded)
    box = {"facecolor": "white", "edgecolor": TRAINABLE, "pad": 2.5}
    axes.annotate(
        f"{plain(part.name)}\n{plain(part.value)}",
        (centre[0], centre[1]),
        ha="center",
        va="center",
        fontsize=EDGE * rcParams["font.size"],
        bbox=box,
        zorder=4,
    )
