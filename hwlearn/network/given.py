"""What `Network.from_edges` is given, read: edges, their nodes and bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.errors import NetworkError
from hwlearn.network.arguments import per_edge
from hwlearn.network.devices import EdgeDevice
from hwlearn.network.edges import Edge, Element
from hwlearn.network.ports import Source, canonical
from hwlearn.text import GROUND, did_you_mean


def read_edges(pairs: Iterable[Sequence[Any]], names: Iterable[str] | None) -> tuple[Edge, ...]:
    """Edges from (tail, head) pairs, named R1, R2, … where no names are given."""
    ends = []
    for k, pair in enumerate(pairs):
        if isinstance(pair, str) or len(pair) != 2:
            raise NetworkError(f"edge {k}: {pair!r} is not a (tail, head) pair")
        ends.append((canonical(pair[0]), canonical(pair[1])))
    labels = [f"R{k + 1}" for k in range(len(ends))] if names is None else [str(name) for name in names]
    if len(labels) != len(ends):
        raise NetworkError(f"{len(labels)} names for {len(ends)} edges")
    return tuple(Edge(tail, head, name) for (tail, head), name in zip(ends, labels, strict=True))


def nodes_of(
    edges: Sequence[Edge],
    inputs: Sequence[Source],
    fixed: Sequence[Source],
    elements: Sequence[Element],
    devices: Sequence[EdgeDevice],
) -> tuple[str, ...]:
    """Names of all nodes in the order in which they are met; those of inputs must be met elsewhere."""
    seen = dict.fromkeys(node for edge in edges for node in edge[:2])
    seen.update(dict.fromkeys(node for element in elements for node in element.nodes))
    seen.update(dict.fromkeys(node for device in devices for node in device.further))
    internal = {node for source in fixed for node in (source.plus, source.minus)}
    sourced = dict.fromkeys(node for source in (*inputs, *fixed) for node in (source.plus, source.minus) if node != GROUND)
    for node in sourced:
        if node not in seen and node not in internal:
            raise NetworkError(f"input node {node!r} is on no edge{did_you_mean(node, seen)}")
    seen.update(sourced)
    return tuple(seen)


def read_bounds(
    bounds: tuple[ArrayLike, ArrayLike], names: Sequence[str], devices: Sequence[EdgeDevice]
) -> tuple[Array, Array]:
    """(E,) S each, lower and upper; they give way to the limits of devices."""
    shape = (len(names),)
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise NetworkError(f"bounds are {bounds!r}; give the lower and the upper ones, such as (1e-6, 1e-2)") from None
    lower, upper = per_edge(low, shape, "lower bounds"), per_edge(high, shape, "upper bounds")
    place = {name: k for k, name in enumerate(names)} if devices else {}
    for device in devices:
        if device.edge in place:
            k = place[device.edge]
            lower[k], upper[k] = max(lower[k], device.limits[0]), min(upper[k], device.limits[1])
    return lower, upper
