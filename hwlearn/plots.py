"""Figures: a network, the losses of a run. The only module that imports matplotlib; it opens no window."""

from __future__ import annotations

from os import PathLike
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hwlearn.circuits.base import Array
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.spice.numbers import GROUND

if TYPE_CHECKING:
    import networkx

    from hwlearn.experiments import Outcome

FORCES_SIZE = 300  # nodes; above it, the layout uses distances to a few of them
PIVOTS = 30
PLANAR_EDGES = 100  # up to here, a drawing without crossings is looked for
LABELLED_SIZE = 40  # nodes; above it, only ports are labelled
LABELLED_PORTS = 30

INPUT, OUTPUT, SOURCE, GROUNDED, PLAIN = "#c0392b", "#1f6fb4", "#e08e0b", "#222222", "#9aa4ad"
TRAINABLE, FIXED = "#3d4f5d", "#c3c9ce"


def draw_network(network: Network, path: str | PathLike[str]) -> None:
    """Draw a network into a picture file: line width is conductance; inputs, outputs and fixed sources are coloured.

    Args:
        network: of any size; up to 300 nodes are laid out by all path lengths, more by those to 30 of them.
        path: PNG, SVG or PDF, by its ending.

    Raises:
        HwlearnError: the file cannot be written.
    """
    at = _layout(network)
    count = len(network.nodes)
    figure = Figure(figsize=(7.5, 7.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.axis("off")

    strength = network.conductances / network.conductances.max() if len(network.edges) else np.empty(0)
    thick = 5.0 * min(1.0, (60 / max(len(network.edges), 1)) ** 0.35)
    order = np.argsort(network.trainable, kind="stable")
    axes.add_collection(
        LineCollection(
            list(np.stack((at[network.tails], at[network.heads]), axis=1)[order]),
            linewidths=(0.08 * thick + 0.92 * thick * strength)[order],
            colors=[TRAINABLE if network.trainable[k] else FIXED for k in order],
            capstyle="round",
            zorder=1,
        )
    )

    roles = _roles(network)
    dot = float(np.clip(1500 / count, 1.0, 130.0))
    shown = [(PLAIN, 0.35, 2), (SOURCE, 0.7, 3), (GROUNDED, 1.0, 3), (OUTPUT, 1.0, 4), (INPUT, 1.0, 4)]
    for colour, size, level in shown:
        where = [k for k, node in enumerate(network.nodes) if roles.get(node, PLAIN) == colour]
        area = dot * size if colour == PLAIN or len(where) > LABELLED_PORTS else max(dot, 60.0) * size
        axes.scatter(at[where, 0], at[where, 1], s=area, c=colour, zorder=level, linewidths=0.5, edgecolors="white")

    middle = float(at[:, 0].mean())
    leftward = {node for node, k in network.node_index.items() if at[k, 0] < middle and roles.get(node) == INPUT}
    for node in _labelled(network, roles):
        colour = roles.get(node, TRAINABLE)
        axes.annotate(
            node.replace("$", r"\$"),
            at[network.node_index[node]],
            xytext=(-8 if node in leftward else 8, 8),
            textcoords="offset points",
            ha="right" if node in leftward else "left",
            fontsize=9,
            color=colour,
            fontweight="bold" if node in roles else "normal",
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
            zorder=5,
        )
    axes.autoscale_view()
    axes.margins(0.08)
    axes.set_title(f"{_short(network.title)}: {count} nodes, {len(network.edges)} resistors", fontsize=11)
    figure.legend(handles=_legend(network, roles, thick), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    _save(figure, path)


def draw_losses(outcome: Outcome, path: str | PathLike[str]) -> None:
    """Draw the losses of a run on a logarithmic axis into a picture file.

    Raises:
        HwlearnError: the file cannot be written.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    seen = outcome.losses > 0
    axes.plot(outcome.progress[seen], outcome.losses[seen], color=OUTPUT, linewidth=1.4, marker="." if seen.sum() < 30 else "")
    if seen.any():
        axes.set_yscale("log")
    if not outcome.continuous:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("time" if outcome.continuous else "step")
    axes.set_ylabel(f"loss that {outcome.rule} observes [{outcome.loss_unit}]")
    axes.set_title(f"{_short(outcome.network.title)}: {outcome.rule} on {outcome.backend}", fontsize=11)
    axes.grid(alpha=0.3)
    _save(figure, path)


def _short(title: str) -> str:
    """A title that fits, and is not taken for mathematics."""
    return shorten(title, 48, placeholder=" …").replace("$", r"\$")


def _roles(network: Network) -> dict[str, str]:
    """The colour of each node that is special; inputs win over outputs, outputs over fixed sources."""
    roles = {node: SOURCE for source in network.fixed_sources for node in (source.plus, source.minus)}
    roles |= {node: OUTPUT for port in network.outputs for node in (port.plus, port.minus)}
    roles |= {node: INPUT for source in network.inputs for node in (source.plus, source.minus)}
    return roles | {GROUND: GROUNDED}


def _labelled(network: Network, roles: dict[str, str]) -> list[str]:
    if len(network.nodes) <= LABELLED_SIZE:
        return list(network.nodes)
    ports = [node for node in network.nodes if roles.get(node, PLAIN) in (INPUT, OUTPUT)]
    return ports[:LABELLED_PORTS]


def _legend(network: Network, roles: dict[str, str], thick: float) -> list[Line2D]:
    present = {roles[node] for node in network.nodes if node in roles}
    names = {INPUT: "input", OUTPUT: "output", SOURCE: "fixed source", GROUNDED: "ground"}
    shown = [(colour, name) for colour, name in names.items() if colour in present]
    handles = [Line2D([], [], marker="o", linestyle="", color=colour, label=name) for colour, name in shown]
    if len(network.edges):
        label = f"{network.conductances.max():.3g} S"
        handles.append(Line2D([], [], color=TRAINABLE if network.trainable.any() else FIXED, linewidth=thick, label=label))
    if network.trainable.any() and not network.trainable.all():
        handles.append(Line2D([], [], color=FIXED, linewidth=thick, label="not trained"))
    return handles


def _layout(network: Network) -> Array:
    """(N, 2) positions of the nodes."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(network.nodes)
    graph.add_edges_from((edge.tail, edge.head) for edge in network.edges)
    graph.add_edges_from((s.plus, s.minus) for s in network.sources if GROUND not in (s.plus, s.minus))
    graph.add_edges_from((e.nodes[0], node) for e in network.elements for node in e.nodes[1:])
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    sides = [{port.plus for port in ports} for ports in (network.inputs, network.outputs)]
    two_sided = sides[0].isdisjoint(sides[1]) and sides[0] | sides[1] == set(network.nodes)
    if len(graph) > 4 and two_sided and all((tail in sides[0]) != (head in sides[0]) for tail, head in graph.edges):
        return _columns([[node for node in network.nodes if node in side] for side in sides], network)
    parts = [_one_part(graph.subgraph(part), sides[0]) for part in networkx.connected_components(graph)]
    return _packed(parts, network)


def _one_part(graph: networkx.Graph[str], inputs: set[str]) -> dict[str, Array]:
    """Positions of a connected graph, upright: by path lengths, unless a planar drawing has fewer crossings."""
    import networkx

    if len(graph) <= FORCES_SIZE:
        found = networkx.kamada_kawai_layout(graph, weight=None)
        planar, embedding = networkx.check_planarity(graph)
        if planar and graph.number_of_edges() <= PLANAR_EDGES:
            choices = [found, _tutte(graph, embedding, inputs), networkx.planar_layout(graph)]
            found = min(choices, key=lambda at: _faults(graph, at))
    else:
        found = _pivots(graph)
    return dict(zip(found, _upright(np.array(list(found.values()))), strict=True))


def _tutte(graph: networkx.Graph[str], embedding: networkx.PlanarEmbedding[str], inputs: set[str]) -> dict[str, Array]:
    """Tutte's drawing: the face with most inputs on a circle, every other node at the mean of its neighbours."""
    faces = [embedding.traverse_face(*edge) for edge in embedding.edges]
    outer = list(dict.fromkeys(max(faces, key=lambda face: (len(inputs & set(face)), len(set(face))), default=list(graph))))
    angles = 2 * np.pi * np.arange(len(outer)) / len(outer)
    at = {node: np.array([-np.cos(angle), np.sin(angle)]) for node, angle in zip(outer, angles, strict=True)}
    inner = [node for node in graph if node not in at]
    index = {node: k for k, node in enumerate(inner)}
    system, right = np.eye(len(inner)), np.zeros((len(inner), 2))
    for node, k in index.items():
        for other in graph[node]:
            share = 1 / len(graph[node])
            if other in index:
                system[k, index[other]] -= share
            else:
                right[k] += share * at[other]
    at.update(zip(inner, np.linalg.solve(system, right), strict=True))
    return {node: at[node] for node in graph}


def _faults(graph: networkx.Graph[str], at: dict[str, Array]) -> int:
    """How many pairs of edges cross in a drawing, and how many nodes lie on, or nearly on, a foreign edge."""
    points = np.array([at[node] for node in graph])
    index = {node: k for k, node in enumerate(graph)}
    pairs = np.array([(index[tail], index[head]) for tail, head in graph.edges])
    if not len(pairs):
        return 0

    def side(a: Array, b: Array, c: Array) -> Array:
        return np.sign((b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0])

    tail, head = points[pairs[:, 0]], points[pairs[:, 1]]
    p, q, r, s = tail[:, None], head[:, None], tail[None], head[None]
    crossings = np.sum((side(p, q, r) * side(p, q, s) < 0) & (side(r, s, p) * side(r, s, q) < 0)) // 2

    along, away = head - tail, points[:, None] - tail
    part = np.clip((away * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-300), 0, 1)
    distance = np.linalg.norm(away - part[..., None] * along, axis=-1)
    foreign = (pairs[None, :, 0] != np.arange(len(points))[:, None]) & (pairs[None, :, 1] != np.arange(len(points))[:, None])
    return int(crossings + np.sum(foreign & (distance < 0.03 * np.ptp(points, axis=0).max())))


def _upright(points: Array) -> Array:
    """Turned so that the bounding box is smallest and lies flat, the first node at the upper left."""
    angles = np.linspace(0, np.pi / 2, 91)
    turned = [points @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in angles]
    best = min(turned, key=lambda at: float(np.prod(np.ptp(at, axis=0))))
    if np.ptp(best[:, 1]) > np.ptp(best[:, 0]):
        best = best[:, ::-1]
    middle = (best.min(axis=0) + best.max(axis=0)) / 2
    upright: Array = best * np.array([-1.0 if best[0, 0] > middle[0] else 1.0, -1.0 if best[0, 1] < middle[1] else 1.0])
    return upright


def _pivots(graph: networkx.Graph[str]) -> dict[str, Array]:
    """Pivot MDS (Brandes and Pich 2006): the principal axes of the distances to a few nodes far from each other."""
    import networkx
    from scipy.sparse.csgraph import dijkstra

    links = networkx.to_scipy_sparse_array(graph, weight=None, dtype=float, format="csr")
    distances: list[Array] = []
    nearest, pivot = np.full(len(graph), np.inf), 0
    for _ in range(PIVOTS):
        distances.append(dijkstra(links, indices=pivot, unweighted=True))
        nearest = np.minimum(nearest, distances[-1])
        pivot = int(np.argmax(nearest))
    squares = np.array(distances).T ** 2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1, keepdims=True) + squares.mean()
    _, axes = np.linalg.eigh(centred.T @ centred)
    return dict(zip(graph, centred @ axes[:, -2:], strict=True))


def _packed(parts: list[dict[str, Array]], network: Network) -> Array:
    """Connected parts side by side, their size by their number of nodes."""
    at = np.zeros((len(network.nodes), 2))
    left = 0.0
    for part in sorted(parts, key=len, reverse=True):
        index = [network.node_index[node] for node in part]
        points = np.array(list(part.values()))
        points = points - points.min(axis=0)
        extent = points.max()
        side = float(np.sqrt(len(part)))
        at[index] = points * (side / extent if extent > 0 else 1.0) + [left, 0.0]
        left += side + 1.0
    return at


def _columns(sides: list[list[str]], network: Network) -> Array:
    """Inputs on the left, outputs on the right: a crossbar."""
    at = np.zeros((len(network.nodes), 2))
    for x, side in enumerate(sides):
        for node, y in zip(side, np.linspace(1, 0, len(side)) if len(side) > 1 else [0.5], strict=True):
            at[network.node_index[node]] = x, y
    return at


def _save(figure: Figure, path: str | PathLike[str]) -> None:
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise HwlearnError(f"{path}: the picture cannot be written: {error}") from None
