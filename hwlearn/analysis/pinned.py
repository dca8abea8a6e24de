"""`pinned`: the potentials that sources and targets fix, whatever the conductances."""

from __future__ import annotations

import networkx
import numpy as np

from hwlearn.arrays import Array
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.text import GROUND


def pinned(network: Network, task: Task) -> tuple[dict[str, int], Array]:
    """The group of each node whose potential sources and targets tie to others', and potentials (N, S) V within the groups."""
    tied: networkx.Graph[str] = networkx.Graph()
    for k, source in enumerate(network.inputs):
        tied.add_edge(source.plus, source.minus, plus=source.plus, volts=task.inputs[:, k])
    for source in network.fixed_sources:
        tied.add_edge(source.plus, source.minus, plus=source.plus, volts=np.full(len(task), source.value))
    for k, port in enumerate(network.outputs):
        if not tied.has_edge(port.plus, port.minus):
            tied.add_edge(port.plus, port.minus, plus=port.plus, volts=task.targets[:, k])
    groups: dict[str, int] = {}
    volts: dict[str, Array] = {}
    for number, members in enumerate(networkx.connected_components(tied)):
        first = GROUND if GROUND in members else min(members)
        groups[first], volts[first] = number, np.zeros(len(task))
        for one, two in networkx.bfs_edges(tied, first):
            edge = tied.edges[one, two]
            groups[two] = number
            volts[two] = volts[one] + (edge["volts"] if edge["plus"] == two else -edge["volts"])
    at = np.zeros((len(network.nodes), len(task)))
    for node, value in volts.items():
        if node in network.node_index:
            at[network.node_index[node]] = value
    return groups, at
