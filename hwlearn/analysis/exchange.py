"""`exchange`: an automorphism of a circuit and its task that takes one of some nodes to another."""

from __future__ import annotations

import networkx

from hwlearn.analysis.pinned import pinned
from hwlearn.learning.task import Task
from hwlearn.network import Network

NAMED = 300
"""Nodes above which no automorphism is looked for."""


def exchange(network: Network, task: Task, ends: list[str], sample: int) -> tuple[tuple[str, ...], ...]:
    """Cycles of an automorphism of graph, inputs and targets that takes the first end to another; empty if there is none."""
    if not 2 <= len(ends) <= NAMED or len(network.nodes) > NAMED:
        return ()
    groups, at = pinned(network, task)
    sourced = {node for source in network.sources for node in (source.plus, source.minus)}
    graph: networkx.Graph[str] = networkx.Graph()
    for node in network.nodes:
        volts = round(float(at[network.node_index[node], sample]), 9) if node in groups else None
        graph.add_node(node, mark=repr((groups.get(node), volts, node in sourced)))
    for edge in network.edges:
        joined = graph.get_edge_data(edge.tail, edge.head, {"count": 0})["count"]
        graph.add_edge(edge.tail, edge.head, count=joined + 1)
    marks = networkx.weisfeiler_lehman_subgraph_hashes(graph, node_attr="mark", iterations=4, include_initial_labels=True)
    networkx.set_node_attributes(graph, {node: "".join(mark) for node, mark in marks.items()}, "mark")
    for other in ends[1:]:
        if graph.nodes[ends[0]]["mark"] != graph.nodes[other]["mark"]:
            continue
        left, right = graph.copy(), graph.copy()
        left.nodes[ends[0]]["mark"] = right.nodes[other]["mark"] = "here"
        matcher = networkx.isomorphism.GraphMatcher(
            left, right, lambda a, b: a["mark"] == b["mark"], lambda a, b: a["count"] == b["count"]
        )
        image = next(matcher.isomorphisms_iter(), None)
        if image is not None:
            return _cycles(image)
    return ()


def _cycles(image: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    left, cycles = dict(image), []
    while left:
        first = next(iter(left))
        cycle = [first]
        while (following := left.pop(cycle[-1])) != first:
            cycle.append(following)
        if len(cycle) > 1:
            cycles.append(tuple(cycle))
    return tuple(cycles)
