"""`likely_outputs`: the nodes of a netlist that its author probably reads, where no experiment says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import networkx

from hwlearn.network import Network
from hwlearn.text import GROUND

MOST = 3
"""Outputs that are guessed from the distance alone."""

_ASKED = re.compile(r"\.(print|save|probe|plot)\b", re.IGNORECASE)
_VOLTAGE = re.compile(r"\bv\(\s*([^\s(),]+)\s*\)", re.IGNORECASE)
_LABEL = re.compile(r"(.*[/._-])?(v?out.*|output.*|[oy]\d*)", re.IGNORECASE)


def likely_outputs(network: Network, lines: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Nodes, and why they were taken.

    In this order: what the netlist prints or saves, labels such as out or y1, the nodes farthest from all sources, counted in
    resistors. A node whose voltage the sources alone fix is none of them.

    Args:
        network: all of whose sources are known.
        lines: of the netlist.
    """
    free = _free(network)
    named = {node.casefold(): node for node in free}
    asked = [word.casefold() for line in lines if _ASKED.match(line) for word in _VOLTAGE.findall(line)]
    if printed := tuple(dict.fromkeys(named[word] for word in asked if word in named)):
        return printed, "the netlist prints or saves them"
    if labelled := tuple(node for node in free if _LABEL.fullmatch(node)):
        return labelled, "by their labels"
    return tuple(_farthest(network, free)), "farthest from the sources"


def _free(network: Network) -> list[str]:
    """Nodes on resistors, one of those that wires join, none that sources tie to ground."""
    cluster = dict(zip(network.nodes, network.merging.cluster.tolist(), strict=True))
    on_edges = {node for edge in network.edges for node in edge[:2]}
    taken, found = {cluster.get(GROUND, -1)}, list[str]()
    for node in network.nodes:
        if node in on_edges and cluster[node] not in taken:
            taken.add(cluster[node])
            found.append(node)
    return found


def _farthest(network: Network, free: list[str]) -> Iterator[str]:
    graph = networkx.Graph([edge[:2] for edge in network.edges])
    ends = {node for source in network.sources for node in (source.plus, source.minus)} | {GROUND}
    far = networkx.multi_source_dijkstra_path_length(graph, ends & set(graph)) if ends & set(graph) else {}
    most = max((far.get(node, 0) for node in free), default=0)
    yield from [node for node in free if far.get(node, 0) == most][:MOST]
