"""What the graph alone says: edges that can never carry current, outputs that can never differ, a bound on the rank."""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import numpy as np
from numpy.typing import NDArray

from hwlearn.analysis.blocks import blocks
from hwlearn.network import Network, Port
from hwlearn.text import GROUND


@dataclass(frozen=True, eq=False)
class Structure:
    """Facts that hold for all conductances.

    Attributes:
        live: (E,) bool: the edge lies on a loop with a source; the others never have a voltage drop (bridges to dead ends).
        useful: (E,) bool: live, trainable, and on a loop with an output: changing it can move an output.
        classes: class of each node and of ground; nodes of one class always have the same potential.
        tied: groups of outputs whose voltages are always equal.
        fixed: outputs that no resistor moves: their ends are tied to each other or to sources.
    """

    live: NDArray[np.bool_]
    useful: NDArray[np.bool_]
    classes: dict[str, int]
    tied: tuple[tuple[Port, ...], ...]
    fixed: tuple[Port, ...]

    @property
    def distinct_outputs(self) -> int:
        """Outputs that could move apart from each other."""
        return len(self.tied)

    def rank_bound(self, independent_samples: int) -> int:
        """The rank of J is at most this: distinct outputs times independent samples, or the number of useful edges."""
        return min(self.distinct_outputs * independent_samples, int(self.useful.sum()))


def structure(network: Network) -> Structure:
    """Read the graph: current flows in loops through a source, so an edge in no block with a source never has a drop.

    A block is a biconnected component of the graph of resistors, sources and, for the adjoint, output ports.
    """
    sources = [(source.plus, source.minus) for source in network.sources]
    ports = [(port.plus, port.minus) for port in network.outputs]
    live = _in_blocks_with(network, sources, [])
    useful = live & network.trainable & _in_blocks_with(network, ports, sources)

    equal = networkx.utils.UnionFind([*network.nodes, GROUND])
    for dead in np.flatnonzero(~live).tolist():
        equal.union(network.edges[dead].tail, network.edges[dead].head)
    number: dict[str, int] = {}
    classes = {node: number.setdefault(equal[node], len(number)) for node in (*network.nodes, GROUND)}
    held = networkx.utils.UnionFind(classes.values())
    for source in network.sources:
        if source.kind == "voltage":
            held.union(classes[source.plus], classes[source.minus])

    groups: dict[tuple[int, int], list[Port]] = {}
    fixed = []
    for port in network.outputs:
        ends = (classes[port.plus], classes[port.minus])
        if held[ends[0]] == held[ends[1]]:
            fixed.append(port)
        else:
            groups.setdefault(ends, []).append(port)
    return Structure(live, useful, classes, tuple(map(tuple, groups.values())), tuple(fixed))


def _in_blocks_with(network: Network, wanted: list[tuple[str, str]], others: list[tuple[str, str]]) -> NDArray[np.bool_]:
    """(E,): the edge shares a biconnected component with one of the `wanted` node pairs, which count as edges."""
    at = {**network.node_index, GROUND: network.node_index.get(GROUND, len(network.nodes))}
    added = np.array([(at[one], at[two]) for one, two in (*wanted, *others)], dtype=np.intp).reshape(-1, 2)
    tails, heads = np.r_[network.tails, added[:, 0]], np.r_[network.heads, added[:, 1]]
    label = blocks(tails, heads, max(at.values()) + 1)
    edges = len(network.edges)
    chosen = label[edges : edges + len(wanted)]
    return np.isin(label[:edges], chosen[chosen >= 0])
