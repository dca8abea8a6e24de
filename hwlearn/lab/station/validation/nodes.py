"""Which nodes are read, estimated or wired to ground."""

from __future__ import annotations

from hwlearn.errors import StationError
from hwlearn.lab.station.settings import StationSettings
from hwlearn.network import Network
from hwlearn.network.ports import canonical
from hwlearn.text import GROUND, did_you_mean


def validate_nodes(settings: StationSettings, network: Network, grounded: set[str]) -> None:
    """Refuse a node that is read against one that is not, or estimated where that cannot be done.

    Raises:
        StationError: names the node.
    """
    for name, node in settings.node.items():
        if node.read == "estimate":
            _validate_estimate(name, node.against, network)
        reads = [other for other, table in settings.node.items() if table.read != "estimate"]
        if node.against is not None and node.against not in reads and not at_ground(node.against, grounded):
            raise StationError(
                f"node.{name}.against = {node.against!r}: no such node is read{did_you_mean(node.against, reads)}"
            )


def _validate_estimate(node: str, against: str | None, network: Network) -> None:
    """Refuse to estimate a node at which the law of currents alone does not say what flows."""
    key = f'node.{node}.read = "estimate"'
    if against is not None:
        raise StationError(f"{key}: what is not read is not read against {against}; leave against out")
    if not network.linear:
        raise StationError(f"{key}: {network.title} has more than linear resistors; say which channel reads it")
    ports = [(f"source {s.name}", s.plus, s.minus) for s in network.sources]
    ports += [(f"output {port.name}", port.plus, port.minus) for port in network.outputs]
    for what, *ends in ports:
        if node in ends:
            raise StationError(f"{key}: {what} is there; say which channel reads it")


def grounded_nodes(settings: StationSettings, network: Network) -> set[str]:
    """Nodes that a wire ties to ground."""
    return {
        source.plus if source.minus == GROUND else source.minus
        for source in network.fixed_sources
        if source.name in settings.source
        and settings.source[source.name].drive == "ground"
        and GROUND in (source.plus, source.minus)
    }


def at_ground(node: str, grounded: set[str]) -> bool:
    """True for ground by any of its names, and for the nodes that a wire ties to it."""
    return node in grounded or canonical(node) == GROUND
