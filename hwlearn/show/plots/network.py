"""A network: line width is conductance; inputs, outputs and fixed sources are coloured, other elements have their symbols."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Literal

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from hwlearn.arrays import Array
from hwlearn.network import EdgeDevice, Network
from hwlearn.show.facts.network import counts
from hwlearn.show.plots.elements import paint_elements
from hwlearn.show.plots.labels import LEFTWARD, Clear, name_dot, name_line
from hwlearn.show.plots.layout import place_nodes
from hwlearn.show.plots.legends import legend_below
from hwlearn.show.plots.picture import (
    EDGE,
    FIXED,
    GROUNDED,
    INPUT,
    NODE,
    OUTPUT,
    PLAIN,
    SOURCE,
    TITLE,
    TRAINABLE,
    Target,
    plain,
    short,
)
from hwlearn.show.plots.sheet import Form, Place, drawn
from hwlearn.text import GROUND

LABELLED_SIZE = 40  # nodes; above it, only ports are labelled
LABELLED_PORTS = 30
NAMED_EDGES = 40  # edges; above it, none is named

DECADE = np.log(10.0)
THINNEST = 0.15
"""Width of a line that conducts ten times less than the strongest, or of the weakest if that is weaker, as a part of it."""

BOW = 0.12
"""Distance of edges that join the same nodes, as a part of their length."""

EQUAL = 1.2
"""Conductances whose largest is less than so many times the smallest have one line in the legend."""

FORM = Form((7.5, 7.5))
SIEMENS = EngFormatter(unit="S", sep=" ")


def draw_network(
    network: Network, target: Target | None = None, *, ax: Place = None, width: float | None = None, names: bool = True
) -> Figure:
    """Draw a network: resistors as lines, the wider the more they conduct, and symbols for sources and other elements.

    Crossbars and layered networks stand in columns, planar ones without crossings; others by path lengths.

    Args:
        network: of any size; up to 300 nodes are laid out by all path lengths, more by those to 30 of them.
        target: PNG, SVG or PDF, by its ending; or a stream.
        ax: axes to draw on; a new figure if not given.
        width: of the figure in mm, for print.
        names: whether edges are named, where there are few and there is room.

    Raises:
        HwlearnError: the file cannot be written.
    """

    def paint(axes: Axes) -> None:
        paint_network(axes, network, place_nodes(network), names=names)
        network_legend(axes, network)
        axes.set_title(f"{short(network.title)}\n{counts(network)}", fontsize=TITLE)

    return drawn({"network": paint}, target, ax, width, FORM)


def paint_network(
    axes: Axes, network: Network, at: Array, shade: Array | None = None, *, names: bool = False
) -> LineCollection:
    """Paint a network on axes; edges are coloured by `shade` (E,) if given, and named if `names`.

    Returns:
        The edges, for a colour bar.
    """
    axes.set_aspect("equal")
    axes.axis("off")
    ways = edge_ways(network, at)
    lines = _edges(network, ways, shade)
    axes.add_collection(lines)
    roles = _roles(network)
    _nodes(axes, network, at, roles)
    small = len(network.nodes) <= LABELLED_SIZE
    paint_elements(axes, network, at, named=small)
    _differences(axes, network, at)
    size = NODE * rcParams["font.size"]
    middle = float(np.nanmean(at[:, 0]))
    for node in _labelled(network, roles):
        point = at[network.node_index[node]]
        first = LEFTWARD if point[0] < middle and roles.get(node) in (INPUT, SOURCE) else ()
        style: dict[str, Any] = {"color": roles.get(node, TRAINABLE), "fontweight": "bold" if node in roles else "normal"}
        name_dot(axes, plain(node), point, size, first, zorder=6, **style)
    if names and small and len(network.edges) <= NAMED_EDGES:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        for edge, way in zip(network.edges, ways, strict=True):
            if edge.tail != edge.head:
                name_line(axes, plain(edge.name), way, EDGE * rcParams["font.size"], color=TRAINABLE, bbox=box, zorder=5)
    clear = Clear.of(axes)
    clear.points.append(at[np.isfinite(at).all(axis=1)])
    clear.ways += [np.stack((way[:-1], way[1:]), axis=1) for way in ways]
    axes.autoscale_view()
    axes.margins(0.1)
    return lines


def edge_ways(network: Network, at: Array) -> list[Array]:
    """(k, 2) points along each edge: both ends, or a bow where several edges join the same nodes."""
    together: dict[frozenset[str], list[int]] = {}
    for k, edge in enumerate(network.edges):
        together.setdefault(frozenset(edge[:2]), []).append(k)
    ways = list(np.stack((at[network.tails], at[network.heads]), axis=1))
    part = np.linspace(0, 1, 13)[:, None]
    for same in together.values():
        for number, k in enumerate(same if len(same) > 1 else []):
            tail, head = ways[k] if network.edges[k].tail <= network.edges[k].head else ways[k][::-1]
            along = head - tail
            bow = BOW * (number - (len(same) - 1) / 2) * np.array([-along[1], along[0]])
            ways[k] = tail + part * along + 4 * part * (1 - part) * bow
    return ways


def _edges(network: Network, ways: list[Array], shade: Array | None) -> LineCollection:
    widths, styles = line_widths(network), _styles(network)
    order = np.argsort(network.trainable if shade is None else shade, kind="stable")
    lines = LineCollection(
        [ways[k] for k in order],
        linewidths=widths[order],
        linestyles=[styles[type(network.device_at[k])] if k in network.device_at else "-" for k in order.tolist()],
        capstyle="round",
        zorder=1,
    )
    if shade is None:
        lines.set_color([TRAINABLE if network.trainable[k] else FIXED for k in order])
    else:
        lines.set_cmap("viridis_r")
        lines.set_array(shade[order])
    return lines


def line_widths(network: Network) -> Array:
    """(E,) points, by the logarithm of the conductance."""
    if not len(network.edges):
        return np.empty(0)
    below = np.log(network.conductances.max() / network.conductances)
    return _thickest(network) * (1 - (1 - THINNEST) * below / max(float(below.max()), DECADE))


def _thickest(network: Network) -> float:
    return float(0.45 * rcParams["font.size"] * min(1.0, (60 / max(len(network.edges), 1)) ** 0.35))


def _nodes(axes: Axes, network: Network, at: Array, roles: dict[str, str]) -> None:
    dot = float(np.clip(1500 / len(network.nodes), 1.0, 100.0)) * (rcParams["font.size"] / 10) ** 2
    shown = [(PLAIN, 0.35, 2), (SOURCE, 0.7, 3), (GROUNDED, 1.0, 3), (OUTPUT, 1.0, 4), (INPUT, 1.0, 4)]
    for colour, size, level in shown:
        where = [k for k, node in enumerate(network.nodes) if roles.get(node, PLAIN) == colour]
        area = dot * size if colour == PLAIN or len(where) > LABELLED_PORTS else max(dot, 40.0) * size
        axes.scatter(at[where, 0], at[where, 1], s=area, c=colour, zorder=level, linewidths=0.5, edgecolors="white")


def _differences(axes: Axes, network: Network, at: Array) -> None:
    """Outputs that are differences: a dotted line between their ends, a sign at each."""
    size = NODE * rcParams["font.size"]
    for port in network.outputs:
        if port.minus == GROUND or not {port.plus, port.minus} <= network.node_index.keys():
            continue
        plus, minus = at[network.node_index[port.plus]], at[network.node_index[port.minus]]
        axes.plot(*np.array([plus, minus]).T, ":", color=OUTPUT, linewidth=0.15 * rcParams["font.size"], zorder=2)
        for sign, here, there in (("+", plus, minus), ("−", minus, plus)):
            name_line(
                axes,
                sign,
                np.array([here, here + 0.3 * (there - here)]),
                size,
                needed=True,
                color=OUTPUT,
                fontweight="bold",
                zorder=6,
            )


def _styles(network: Network) -> dict[type[EdgeDevice], Literal["--", "-.", ":"]]:
    """How the lines of edges are dashed that are no resistors."""
    dashes: tuple[Literal["--", "-.", ":"], ...] = ("--", "-.", ":")
    return dict(zip(dict.fromkeys(map(type, network.devices)), cycle(dashes), strict=False))


def _roles(network: Network) -> dict[str, str]:
    """The colour of each node that is special; inputs win over outputs, outputs over fixed sources."""
    roles = {node: SOURCE for source in network.fixed_sources for node in (source.plus, source.minus)}
    roles |= {node: OUTPUT for port in network.outputs for node in (port.plus, port.minus)}
    roles |= {node: INPUT for source in network.inputs for node in (source.plus, source.minus)}
    return roles | {GROUND: GROUNDED}


def _labelled(network: Network, roles: dict[str, str]) -> list[str]:
    there = [node for node in network.nodes if node != GROUND or any(GROUND in edge[:2] for edge in network.edges)]
    if len(network.nodes) <= LABELLED_SIZE:
        return there
    return [node for node in there if roles.get(node, PLAIN) in (INPUT, OUTPUT)][:LABELLED_PORTS]


def network_legend(axes: Axes, network: Network) -> None:
    """What the colours of nodes and the widths of lines mean, below the network."""
    roles = _roles(network)
    grounded = any(GROUND in edge[:2] for edge in network.edges)
    present = {roles[node] for node in network.nodes if node in roles and (node != GROUND or grounded)}
    names = {INPUT: "input", OUTPUT: "output", SOURCE: "fixed source", GROUNDED: "ground"}
    shown = [(colour, name) for colour, name in names.items() if colour in present]
    handles = [Line2D([], [], marker="o", linestyle="", color=colour, label=name) for colour, name in shown]
    colour = TRAINABLE if network.trainable.any() else FIXED
    if len(network.edges):
        widths, g = line_widths(network), network.conductances
        ends = [int(g.argmax())] if g.max() < EQUAL * g.min() else [int(g.argmax()), int(g.argmin())]
        handles += [Line2D([], [], color=colour, linewidth=widths[k], label=SIEMENS(float(f"{g[k]:.3g}"))) for k in ends]
    if network.trainable.any() and not network.trainable.all():
        handles.append(Line2D([], [], color=FIXED, linewidth=_thickest(network), label="not trained"))
    handles += [Line2D([], [], color=PLAIN, linestyle=style, label=law.word) for law, style in _styles(network).items()]
    legend_below(axes, handles)
