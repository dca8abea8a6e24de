"""Changed copies of a network: without some of its edges, or with other ports."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.errors import NetworkError
from hwlearn.network.arguments import ports
from hwlearn.network.checks import without_ground
from hwlearn.network.ports import Port, Source, as_input, as_output
from hwlearn.text import did_you_mean, listed

if TYPE_CHECKING:
    from hwlearn.network.network import Network


def without_edges(network: Network, lost: Set[str]) -> Network:
    """See `Network.without`."""
    if unknown := sorted(lost - set(network.edge_names)):
        raise NetworkError(f"no edge {unknown[0]!r}{did_you_mean(unknown[0], network.edge_names)}")
    stays = np.array([name not in lost for name in network.edge_names], dtype=bool)
    if floating := without_ground(network, stays):
        gone = ", ".join(name for name in network.edge_names if name in lost)
        raise NetworkError(f"without {gone}, nothing connects {listed(floating)} to a source or ground")
    return replace(
        network,
        edges=tuple(edge for edge in network.edges if edge.name not in lost),
        conductances=network.conductances[stays],
        trainable=network.trainable[stays],
        lower=network.lower[stays],
        upper=network.upper[stays],
        devices=tuple(device for device in network.devices if device.edge not in lost),
    )


def with_other_ports(network: Network, inputs: Iterable[str | Source] | None, outputs: Iterable[str | Port] | None) -> Network:
    """See `Network.with_ports`."""
    known = {source.name.lower(): source for source in network.sources}

    def find(spec: str | Source) -> Source:
        return known.get(str(spec).lower()) or as_input(spec)

    chosen = network.inputs if inputs is None else ports(inputs, find)
    names = {source.name for source in chosen}
    return replace(
        network,
        inputs=chosen,
        outputs=network.outputs if outputs is None else ports(outputs, as_output),
        fixed_sources=tuple(source for source in network.sources if source.name not in names),
    )
