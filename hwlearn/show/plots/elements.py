"""What is no edge in a picture of a network: sources, diodes, transistors, controlled sources."""

from __future__ import annotations

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.network.edges import Element
from hwlearn.network.ports import Source
from hwlearn.show.plots.labels import Clear, name_line
from hwlearn.show.plots.picture import EDGE, INPUT, PLAIN, SOURCE, TRAINABLE, plain
from hwlearn.show.plots.symbols import free_direction, paint_ground, paint_line, paint_symbol
from hwlearn.text import GROUND

STUB = 0.5
"""Length of an element with one end at ground, in distances of nodes."""

LARGEST = 0.4
"""A distance of nodes counts as this part of the whole picture at most."""

HALF = 0.13
"""Half the length of a symbol, in distances of nodes."""


def paint_elements(axes: Axes, network: Network, at: Array, *, named: bool) -> None:
    """Paint sources and elements of a network whose nodes are at (N, 2).

    Args:
        named: paint symbols and names. Without, which suits large networks, elements are lines, and sources colours of nodes.
    """
    places = {node: at[k] for node, k in network.node_index.items() if np.isfinite(at[k]).all()}
    places.pop(GROUND, None)  # each end at ground has a symbol of its own
    for element in network.elements:
        if not named:
            _as_lines(axes, element, places)
    if not named:
        return
    step, taken = _step(at), _directions(network, places)
    for source, colour in [*((s, INPUT) for s in network.inputs), *((s, SOURCE) for s in network.fixed_sources)]:
        _source(axes, source, places, taken, step, colour)
    for element in network.elements:
        ends = [node for node in dict.fromkeys(element.nodes) if node in places]
        if len(element.nodes) == 2 and ends:
            _two_ends(axes, element, places, taken, step)
        elif ends:
            _several_ends(axes, element, [places[node] for node in ends], step, grounded=len(ends) < len(set(element.nodes)))


def _step(at: Array) -> float:
    """The typical distance of nodes beside each other."""
    points = at[np.isfinite(at).all(axis=1)]
    if len(points) < 2:
        return 1.0
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return min(float(np.median(apart.min(axis=1))), LARGEST * float(np.ptp(points, axis=0).max())) or 1.0


def _directions(network: Network, places: dict[str, Array]) -> dict[str, list[float]]:
    """Angles at which lines leave each node."""
    found: dict[str, list[float]] = {node: [] for node in places}
    pairs = [(edge.tail, edge.head) for edge in network.edges]
    pairs += [(e.nodes[0], node) for e in network.elements for node in e.nodes[1:]]
    pairs += [(source.plus, source.minus) for source in network.sources]
    for one, two in pairs:
        if one in places and two in places and (places[two] != places[one]).any():
            away = places[two] - places[one]
            angle = float(np.arctan2(away[1], away[0]))
            found[one].append(angle)
            found[two].append(angle + np.pi)
    return found


def _source(
    axes: Axes, source: Source, places: dict[str, Array], taken: dict[str, list[float]], step: float, colour: str
) -> None:
    letter = "v" if source.kind == "voltage" else "i"
    if source.plus in places and source.minus in places:
        ends = (places[source.plus], places[source.minus])
        start, stop = ends if letter == "v" else ends[::-1]
        paint_symbol(axes, letter, start, stop, HALF * step, bow=0.25 * step, colour=colour)
        return
    node = source.plus if source.plus in places else source.minus
    if node not in places:
        return
    point = places[node]
    end = point + STUB * step * free_direction(taken[node])
    inward = letter == "v" if node == source.plus else letter == "i"
    paint_symbol(axes, letter, *((point, end) if inward else (end, point)), HALF * step, colour=colour)
    paint_ground(axes, end, step, colour)
    _clear(axes, point, end, HALF * step)


def _two_ends(axes: Axes, element: Element, places: dict[str, Array], taken: dict[str, list[float]], step: float) -> None:
    one, two = element.nodes
    if one in places and two in places:
        start, stop = places[one], places[two]
    else:
        node = one if one in places else two
        end = places[node] + STUB * step * free_direction(taken[node])
        start, stop = (places[node], end) if node == one else (end, places[node])
        paint_ground(axes, end, step)
    beside = paint_symbol(axes, element.card[:1].lower(), start, stop, HALF * step)
    _clear(axes, start, stop, HALF * step)
    lean = 2.2 * (beside - (start + stop) / 2)
    size = EDGE * rcParams["font.size"]
    name_line(axes, plain(element.name), np.array([start + lean, stop + lean]), size, color=TRAINABLE, zorder=5)


def _several_ends(axes: Axes, element: Element, ends: list[Array], step: float, *, grounded: bool) -> None:
    """An element of several nodes: its name in a box, a line to each node."""
    centre = np.mean(ends, axis=0) + (np.array([0.4 * step, 0.0]) if len(ends) == 1 else 0.0)
    for end in ends:
        paint_line(axes, [centre, end])
    if grounded:
        below = centre - np.array([0.0, 0.3 * step])
        paint_line(axes, [centre, below])
        paint_ground(axes, below, step)
    box = {"facecolor": "white", "edgecolor": TRAINABLE, "pad": 2.0, "linewidth": 0.8}
    size = EDGE * rcParams["font.size"]
    name_line(axes, plain(element.name), np.array([centre, centre]), size, needed=True, color=TRAINABLE, bbox=box, zorder=5)


def _clear(axes: Axes, start: Array, stop: Array, half: float) -> None:
    """Names cover no symbol and no lead."""
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    circle = (start + stop) / 2 + half * np.stack((np.cos(turns), np.sin(turns)), axis=1)
    clear = Clear.of(axes)
    clear.points += [circle, np.array([(start + stop) / 2, stop])]
    clear.ways.append(np.array([[start, stop]]))


def _as_lines(axes: Axes, element: Element, places: dict[str, Array]) -> None:
    ends = [places[node] for node in dict.fromkeys(element.nodes) if node in places]
    for end in ends[1:]:
        axes.plot(*np.array([ends[0], end]).T, color=PLAIN, linewidth=0.5, zorder=0.5)
