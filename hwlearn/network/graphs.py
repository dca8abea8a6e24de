"""`read_graph`: the edges of a networkx graph, for `Network.from_networkx`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hwlearn.errors import NetworkError
from hwlearn.network.ports import canonical
from hwlearn.text import GROUND

if TYPE_CHECKING:
    import networkx


class ReadGraph(NamedTuple):
    """Edges of a graph.

    Attributes:
        nodes: names of nodes by the graph's own. pairs: (tail, head) names. conductances: S. names: of the edges, or None.
    """

    nodes: Mapping[Hashable, str]
    pairs: Sequence[tuple[str, str]]
    conductances: Sequence[float]
    names: Sequence[str] | None


def read_graph(graph: networkx.Graph[Any], conductance: str, default: float | None, ground: Hashable | None) -> ReadGraph:
    """See `Network.from_networkx`.

    Raises:
        NetworkError: an edge without a conductance, nodes of one name, a ground that is no node.
    """
    data = list(graph.edges(data=True))
    values = []
    for tail, head, attributes in data:
        value = attributes.get(conductance, default)
        if value is None:
            raise NetworkError(f"edge {tail}–{head} has no attribute {conductance!r}; set it or give default=")
        values.append(value)
    named = bool(data) and all("name" in attributes for *_, attributes in data)
    if ground is not None and ground not in graph:
        raise NetworkError(f"ground {ground!r} is not a node of the graph")
    nodes: dict[Hashable, str] = {node: GROUND if node == ground else canonical(node) for node in graph}
    for name, count in Counter(nodes.values()).items():
        if count > 1 and name != GROUND:
            alike = ", ".join(repr(node) for node in nodes if nodes[node] == name)
            raise NetworkError(f"nodes {alike} of the graph would all be named {name!r}; relabel them")
    names = [attributes["name"] for *_, attributes in data] if named else None
    return ReadGraph(nodes, [(nodes[tail], nodes[head]) for tail, head, _ in data], values, names)
