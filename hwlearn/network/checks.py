"""What must hold of a network; see `Network` for what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import DeviceError, NetworkError
from hwlearn.network.arguments import no_doubles
from hwlearn.network.tied import why_tied
from hwlearn.text import GROUND, did_you_mean, listed

if TYPE_CHECKING:
    from hwlearn.network.network import Network


def check(network: Network) -> None:
    """Refuse what is no network.

    Raises:
        NetworkError: names what is wrong.
    """
    if not network.edges and not network.elements:
        raise NetworkError("the network has no edges; give it one or more")
    no_doubles([edge.name for edge in network.edges], "edge")
    no_doubles([source.name for source in network.sources], "source")
    no_doubles([port.name for port in network.outputs], "output")
    for source in network.sources:
        for node in (source.plus, source.minus):
            if node not in network.node_index and node != GROUND:
                raise NetworkError(f"source {source.name!r}: no node {node!r}{did_you_mean(node, network.nodes)}")
    _check_devices(network)
    network.check_conductances(network.conductances)
    _check_bounds(network)
    if lost := without_ground(network, np.ones(len(network.edges), dtype=bool)):
        raise NetworkError(
            f"island without a source or ground: {listed(lost)}; connect it to ground by a resistor or a voltage source"
        )
    _check_outputs(network)


def _check_bounds(network: Network) -> None:
    for k, edge in enumerate(network.edges):
        low, high, value = network.lower[k], network.upper[k], network.conductances[k]
        if not 0 < low <= high:
            raise NetworkError(f"bounds of {edge.name}: need 0 < lower ≤ upper, got {low:g} and {high:g} S")
        if network.trainable[k] and not low <= value <= high:
            raise NetworkError(f"{edge.name} is {value:g} S, outside its bounds {low:g} … {high:g} S; widen the bounds")


def _check_outputs(network: Network) -> None:
    cluster = dict(zip(network.nodes, network.merging.cluster.tolist(), strict=True))
    for port in network.outputs:
        for node in (port.plus, port.minus):
            if node not in cluster and node != GROUND:
                raise NetworkError(f"output {port.name!r}: no node {node!r}{did_you_mean(node, cluster)}")
        if cluster.get(port.plus, -1) == cluster.get(port.minus, -1):
            raise NetworkError(f"output {port.name!r} is tied to an input: {why_tied(network.sources, port)}")


def _check_devices(network: Network) -> None:
    no_doubles([device.edge for device in network.devices], "device of edge")
    place = {name: k for k, name in enumerate(network.edge_names)} if network.devices else {}
    for device in network.devices:
        what = f"{device.word} {device.edge!r}"
        if device.edge not in place:
            raise NetworkError(f"{what}: no edge has this name{did_you_mean(device.edge, place)}")
        for terminal, node in zip(device.terminals[2:], device.further, strict=True):
            if node not in network.node_index:
                raise NetworkError(f"{what}: no node {node!r} for its {terminal}")
        try:
            device.check()
        except DeviceError as error:
            raise NetworkError(f"{what}: {error}") from None
        k, (low, high) = place[device.edge], device.limits
        if not low <= network.lower[k] <= network.upper[k] <= high:
            bounds = f"{network.lower[k]:g} … {network.upper[k]:g} S"
            raise NetworkError(f"{what}: its bounds {bounds} must lie within {low:g} … {high:g} S")


def without_ground(network: Network, there: NDArray[np.bool_]) -> list[str]:
    """Nodes without a path to ground through voltage sources, other elements, or the edges that are `there` (E,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ground = len(network.nodes)
    at = {**network.node_index, GROUND: network.node_index.get(GROUND, ground)}
    ties = [(s.plus, s.minus) for s in network.sources if s.kind == "voltage"]
    ties += [(element.nodes[0], node) for element in network.elements for node in element.nodes[1:]]
    one = np.r_[network.tails[there], [at[a] for a, _ in ties]].astype(np.intp)
    two = np.r_[network.heads[there], [at[b] for _, b in ties]].astype(np.intp)
    if GROUND in network.node_index:
        one, two = np.r_[one, ground], np.r_[two, at[GROUND]]
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(ground + 1, ground + 1))
    _, label = connected_components(graph, directed=False)
    return [network.nodes[k] for k in np.flatnonzero(label[:ground] != label[ground])]
