"""Pairs of nodes that an edge may join."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, pairwise, product
from pathlib import Path

from hwlearn.errors import ModelError
from hwlearn.network.ports import canonical

READERS = {".graphml": "read_graphml", ".gml": "read_gml", ".edgelist": "read_edgelist", ".adjlist": "read_adjlist"}
"""Functions of networkx that read a graph, by the ending of its file."""


def grid_pairs(ports: Sequence[str], nodes: int) -> list[tuple[str, str]]:
    """Neighbours on a grid of rows, as square as may be, along rows, columns and diagonals.

    Ports are spread evenly over it, in their order; the nodes between are h1, h2, …
    """
    columns = math.ceil(math.sqrt(nodes))
    places = [round(k * (nodes - 1) / max(len(ports) - 1, 1)) for k in range(len(ports))]
    hidden = (f"h{k}" for k in range(1, nodes + 1))
    at = dict(zip(places, ports, strict=True))
    names = [at[k] if k in at else next(hidden) for k in range(nodes)]
    pairs = []
    for k, (down, right) in product(range(nodes), ((0, 1), (1, -1), (1, 0), (1, 1))):
        other = k + down * columns + right
        if 0 <= k % columns + right < columns and other < nodes:
            pairs.append((names[k], names[other]))
    return pairs


def crossbar_pairs(
    inputs: Sequence[str], outputs: Sequence[str], nodes: int, layers: Sequence[int] | None = None
) -> list[tuple[str, str]]:
    """Each node of a layer with each of the next: inputs, layers of h1, h2, …, outputs.

    Args:
        nodes: in all. layers: nodes of each layer between; one layer of all that are no ports if not given.

    Raises:
        ModelError: the layers do not have as many nodes as there are besides the ports.
    """
    between = nodes - len(inputs) - len(outputs)
    sizes = [between] if layers is None else list(layers)
    if sum(sizes) != between:
        raise ModelError(f"layers = {sizes}: {sum(sizes)} nodes for {between} of {nodes} that are no ports")
    hidden = (f"h{k}" for k in range(1, between + 1))
    rows = [list(inputs), *(list(islice(hidden, size)) for size in sizes if size), list(outputs)]
    return [pair for above, below in pairwise(rows) for pair in product(above, below)]


def graph_pairs(file: Path) -> list[tuple[str, str]]:
    """The edges of a graph file, by its ending one of `READERS`; the node "0" is ground.

    Raises:
        ModelError: the file is no such graph, has no edges, or one from a node to itself; names the file.
    """
    import networkx

    try:
        graph = getattr(networkx, READERS[file.suffix.lower()])(file)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, networkx.NetworkXError) as error:
        raise ModelError(f"{file}: cannot be read as a graph: {error}") from None
    pairs = [(canonical(one), canonical(two)) for one, two in graph.edges()]
    if not pairs:
        raise ModelError(f"{file}: the graph has no edges")
    for one, two in pairs:
        if one == two:
            raise ModelError(f"{file}: an edge from {one} to itself; remove it")
    return pairs
