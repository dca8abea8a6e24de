"""Where the nodes of a network are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.show.plots.layers import layers, place_layers
from hwlearn.text import GROUND

if TYPE_CHECKING:
    import networkx

FORCES_SIZE = 300  # nodes; above it, the layout uses distances to a few of them
PIVOTS = 30
CLOSE = 0.3  # nodes nearer than this part of their mean distance cannot be told apart
PLANAR_EDGES = 100  # up to here, a drawing without crossings is looked for


def place_nodes(network: Network, *, ground: bool = True) -> Array:
    """(N, 2) positions of the nodes.

    Without `ground`, they are those of a drawing with a symbol for each end at ground, as they are where no edge leads there.
    Ground has no place then, NaN.
    """
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(network.nodes)
    graph.add_edges_from((edge.tail, edge.head) for edge in network.edges)
    graph.add_edges_from((s.plus, s.minus) for s in network.sources if GROUND not in (s.plus, s.minus))
    graph.add_edges_from((e.nodes[0], node) for e in network.elements for node in e.nodes[1:] if GROUND not in e.nodes[:1])
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    if not ground or not any(GROUND in edge[:2] for edge in network.edges):
        graph.remove_nodes_from([GROUND])
    inputs = {source.plus for source in network.inputs}
    columns = layers(network, graph) if len(graph) > 4 else None
    if columns is not None and (len(columns) == 2 or not _drawn_flat(graph, inputs)):
        at = place_layers(columns)
        return np.array([at.get(node, np.full(2, np.nan)) for node in network.nodes])
    parts = [_one_part(graph.subgraph(part), inputs) for part in networkx.connected_components(graph)]
    return _packed(parts, network)


def _drawn_flat(graph: networkx.Graph[str], inputs: set[str]) -> bool:
    """Whether there is a drawing without crossings in which all nodes can be told apart."""
    import networkx

    if graph.number_of_edges() > PLANAR_EDGES or not networkx.check_planarity(graph)[0] or not networkx.is_connected(graph):
        return False
    return _faults(graph, _one_part(graph, inputs)) == 0


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
    """How many pairs of edges cross in a drawing, and how many nodes lie on, or nearly on, a foreign edge or another node."""
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
    span = float(np.ptp(points, axis=0).max())
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(len(points), 1)]
    close = np.sum(apart < CLOSE * span / np.sqrt(len(points)))
    return int(crossings + close + np.sum(foreign & (distance < 0.03 * span)))


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
    at = np.full((len(network.nodes), 2), np.nan)
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
