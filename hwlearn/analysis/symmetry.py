"""`symmetries`: equal targets that leave an output no current to learn by, whatever the conductances (the kite)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import networkx
import numpy as np
from numpy.typing import NDArray

from hwlearn.analysis.exchange import exchange
from hwlearn.analysis.pinned import pinned
from hwlearn.analysis.structure import structure
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.text import GROUND

EQUAL = 1e-9
"""Potentials that differ by less than this part of the largest are equal."""

PATTERNS = 64
"""Samples with different sets of edges without current that are looked at."""

LISTED = 5
"""Names that a brief text lists."""

Edges = NDArray[np.bool_]
"""(E,): some of the edges."""


@dataclass(frozen=True)
class Symmetry:
    """A part of a circuit that carries no current wherever the targets are met, and so costs J rank.

    Attributes:
        samples: in which. nodes: of the part; all at one potential. edges: names of its resistors.
        outputs: names of the ports in it, of which some combination cannot be learned.
        lost: rank that J loses in each of the samples.
        exchange: cycles of the automorphism that brings it about, such as (("T", "W"),): it keeps resistors, inputs and
            targets. Empty if the targets are equal without one.
    """

    samples: tuple[int, ...]
    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    outputs: tuple[str, ...]
    lost: int
    exchange: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return self._told(len(self.edges) + len(self.outputs) + len(self.exchange))

    @property
    def brief(self) -> str:
        """In words, with the first names alone."""
        return self._told(LISTED)

    def _told(self, listed: int) -> str:
        cycles = _first([" ↔ ".join(cycle) for cycle in self.exchange], listed)
        why = f"the symmetry {cycles}" if cycles else "equal targets"
        edges, outputs = _first(self.edges, listed), _first(self.outputs, listed)
        where = f"{edges} without current: rank {self.lost} is lost at {outputs}"
        return f"{why} of the targets leaves {where}" if cycles else f"{why} leave {where}"


def _first(names: Sequence[str], listed: int) -> str:
    """The first names, and how many more there are."""
    more = len(names) - listed
    return ", ".join(names[:listed]) + (f" and {more} more" if more > 0 else "")


def symmetries(network: Network, task: Task) -> tuple[Symmetry, ...]:
    """All parts whose ends the targets hold at one potential, and which hide an output.

    Sources and targets fix the potentials of some nodes, whatever the conductances. Between nodes of equal potential no
    current flows (maximum principle), so the columns of J are zero there. J then loses rank if potentials u ≠ 0, constant
    along all other edges, are those of currents into output ports alone: yᵀJ = 0 for these currents y, as J = −(Δλ)(Δv).
    """
    if any(source.kind != "voltage" for source in network.sources):
        return ()
    shape = structure(network)
    idle = ~shape.live | ~network.trainable
    still = _still(network, task)
    found: dict[tuple[tuple[int, ...], int], list[int]] = {}
    still &= ~idle
    _, first, which = np.unique(np.packbits(still, axis=1), axis=0, return_index=True, return_inverse=True)
    for number, example in enumerate(first[:PATTERNS].tolist()):
        samples = np.flatnonzero(which.ravel() == number).tolist()
        for part in _parts(network, still[example], idle):
            lost = _nullity(network, part) - _nullity(network, part & idle)
            if lost > 0:
                names = tuple(np.flatnonzero(part & ~idle).tolist())
                found.setdefault((names, lost), []).extend(samples)
    return tuple(_told(network, task, part, lost, sorted(samples)) for (part, lost), samples in found.items())


def _still(network: Network, task: Task) -> Edges:
    """(S, E): no current where the targets are met."""
    groups, at = pinned(network, task)
    size = max(float(np.abs(task.inputs).max(initial=0.0)), float(np.abs(task.targets).max(initial=0.0)))
    group = np.array([groups.get(node, -1) for node in network.nodes])
    one, two = network.tails, network.heads
    direct = (group[one] >= 0) & (group[one] == group[two])
    still = np.zeros((len(task), len(one)), dtype=bool)
    still[:, direct] = (np.abs(at[one[direct]] - at[two[direct]]) <= EQUAL * size).T
    inner: networkx.Graph[int] = networkx.Graph()
    inner.add_nodes_from(np.flatnonzero(group < 0).tolist())
    loose = (group[one] < 0) & (group[two] < 0)
    inner.add_edges_from(zip(one[loose].tolist(), two[loose].tolist(), strict=True))
    label = np.full(len(network.nodes), -1)
    for number, members in enumerate(networkx.connected_components(inner)):
        label[list(members)] = number
    for number in range(int(label.max(initial=-1)) + 1):
        edges = np.flatnonzero((label[one] == number) | (label[two] == number))
        ends = np.unique(np.r_[one[edges], two[edges]])
        ends = ends[label[ends] < 0]
        if len(set(group[ends].tolist())) == 1:
            still[np.ix_(np.ptp(at[ends], axis=0) <= EQUAL * size, edges)] = True
    return still


def _parts(network: Network, still: Edges, idle: Edges) -> Iterator[Edges]:
    """Connected parts of the edges that do not learn, those with one whose targets keep it still."""
    all_of_them = np.flatnonzero(still | idle)
    graph: networkx.MultiGraph[int] = networkx.MultiGraph()
    for edge in all_of_them.tolist():
        graph.add_edge(int(network.tails[edge]), int(network.heads[edge]))
    for members in networkx.connected_components(graph):
        part = np.zeros(len(still), dtype=bool)
        part[all_of_them] = np.isin(network.tails[all_of_them], list(members))
        if (part & still).any():
            yield part


def _nullity(network: Network, part: Edges) -> int:
    """Dimension of the potentials that are constant along edges out of the part and belong to currents into ports alone."""
    held = networkx.utils.UnionFind([*network.nodes, GROUND])
    for edge in np.flatnonzero(~part).tolist():
        held.union(network.edges[edge].tail, network.edges[edge].head)
    for source in network.sources:
        held.union(source.plus, source.minus)
    ends = {node for edge in np.flatnonzero(part).tolist() for node in network.edges[edge][:2]}
    row = {node: k for k, node in enumerate(sorted(ends - {GROUND}))}
    number: dict[str, int] = {}
    columns = {node: number.setdefault(held[node], len(number)) for node in row if held[node] != held[GROUND]}
    if not number:
        return 0
    currents = np.zeros((len(row), len(number)))
    random = np.random.default_rng(0)  # rank at almost all conductances is rank at random ones
    for edge in np.flatnonzero(part).tolist():
        tail, head = network.edges[edge][:2]
        conductance = random.uniform(0.5, 2.0)
        for here, there in ((tail, head), (head, tail)):
            if here in row:
                for node, sign in ((here, 1.0), (there, -1.0)):
                    if node in columns:
                        currents[row[here], columns[node]] += sign * conductance
    known = {*row, GROUND}
    ends_of = [(end.plus, end.minus) for end in network.outputs] + [(end.plus, end.minus) for end in network.sources]
    ports = [pair for pair in ends_of if known.issuperset(pair)]
    allowed = np.zeros((len(row), len(ports)))
    for k, (plus, minus) in enumerate(ports):
        for node, sign in ((plus, 1.0), (minus, -1.0)):
            if node in row:
                allowed[row[node], k] = sign
    both = np.linalg.matrix_rank(np.c_[currents, allowed])
    return int(currents.shape[1] + np.linalg.matrix_rank(allowed) - both) if ports else 0


def _told(network: Network, task: Task, part: tuple[int, ...], lost: int, samples: list[int]) -> Symmetry:
    edges = [network.edges[k] for k in part]
    nodes = tuple(dict.fromkeys(node for edge in edges for node in edge[:2]))
    outside = {node for k, edge in enumerate(network.edges) if k not in set(part) for node in edge[:2]}
    ends = [node for node in nodes if node in outside]
    ports = tuple(port.name for port in network.outputs if {port.plus, port.minus} <= {*nodes, GROUND})
    return Symmetry(
        tuple(samples), nodes, tuple(edge.name for edge in edges), ports, lost, exchange(network, task, ends, samples[0])
    )
