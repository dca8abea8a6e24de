"""Layers of a network, if it has any: inputs, hidden nodes, outputs, in columns from left to right."""

from __future__ import annotations

from itertools import pairwise

import networkx
import numpy as np

from hwlearn.arrays import Array
from hwlearn.network import Network
from hwlearn.text import GROUND

DENSE = 0.5
"""Two columns belong together if at least this part of their pairs is joined, or if all are joined in pairs."""

BESIDE = 0.2
"""At most this part of the edges joins nodes of the last column."""

APART = 0.8
"""Distance of columns, at least, in heights of the tallest one."""


def layers(network: Network, graph: networkx.Graph[str]) -> list[list[str]] | None:
    """The nodes by columns, outputs in the last one; None if they have none.

    Edges lead from one column to another; in the last one they may join nodes beside each other.
    Nodes at fixed voltages (bias, rails, ground) stand below the inputs, since each column may be joined to them.
    """
    held = {source.plus for source in network.fixed_sources if source.kind == "voltage"} | {GROUND}
    ends = {node for source in network.inputs for node in (source.plus, source.minus)}
    first = [node for node in network.nodes if node in ends - held and node in graph]
    if not first:
        first, held = [node for node in network.nodes if node in held - {GROUND}], {GROUND}
    rails = [node for node in network.nodes if node in held and node in graph]
    free = networkx.Graph(graph.subgraph([node for node in graph if node not in held]))
    free.remove_edges_from([(source.plus, source.minus) for source in network.sources])
    if not first or len(free) < 3:
        return None
    outputs = {end for port in network.outputs for end in (port.plus, port.minus)} - set(first) - held
    inner = free.subgraph([node for node in free if node not in outputs])
    distance = networkx.multi_source_dijkstra_path_length(inner, set(first), weight=None)
    distance |= dict.fromkeys(outputs & set(free), 1 + int(max(distance.values())))
    if len(distance) < len(free):
        return None
    columns: list[list[str]] = [[] for _ in range(max(distance.values()) + 1)]
    for node in network.nodes:
        if node in distance:
            columns[distance[node]].append(node)
    columns[-1] = _pairs_together(network, columns[-1])
    row = {node: k for column in columns for k, node in enumerate(column)}
    beside = [edge for edge in free.edges if distance[edge[0]] == distance[edge[1]]]
    last = len(columns) - 1
    if (
        last < 1
        or len(beside) > BESIDE * free.number_of_edges()
        or any(distance[one] < last or abs(row[one] - row[two]) > 1 for one, two in beside)
    ):
        return None
    if not all(_belong(free, left, right) for left, right in pairwise(columns)):
        return None
    return [[*columns[0], *rails], *columns[1:]]


def _belong(graph: networkx.Graph[str], left: list[str], right: list[str]) -> bool:
    joined = graph.subgraph([*left, *right]).number_of_edges()
    paired = len(left) == len(right) == joined and all(graph.subgraph([*left, node]).degree(node) == 1 for node in right)
    return paired or joined >= DENSE * len(left) * len(right)


def _pairs_together(network: Network, column: list[str]) -> list[str]:
    """Both nodes of an output that is a difference beside each other."""
    order = {
        node: k for k, node in enumerate(dict.fromkeys(end for port in network.outputs for end in (port.plus, port.minus)))
    }
    return sorted(column, key=lambda node: order.get(node, len(order)))


def place_layers(columns: list[list[str]]) -> dict[str, Array]:
    """Positions of nodes in columns, all of one height."""
    tallest = max(map(len, columns))
    apart = max(APART * tallest / max(len(columns) - 1, 1), 1.0)
    at = {}
    for x, column in enumerate(columns):
        for k, node in enumerate(column):
            at[node] = np.array([x * apart, tallest * (0.5 - (k + 0.5) / len(column))])
    return at
