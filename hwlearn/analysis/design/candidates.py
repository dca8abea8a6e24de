"""Pairs of nodes that an edge may join."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product


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
