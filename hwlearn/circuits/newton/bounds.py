"""`Bound`: between which voltages ideal diodes hold free nodes; and which diodes lie between two of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Indices
from hwlearn.errors import ModelError
from hwlearn.network import Network
from hwlearn.text import GROUND


class Bound(NamedTuple):
    """What an ideal diode of which one end is driven or ground does to the free node at the other.

    Attributes:
        node: the free node, as a node of the network.
        driven: the other end, as a node of the network; −1 for ground.
        lower: whether the node cannot fall below: the anode is driven.
    """

    node: int
    driven: int
    lower: bool


def bounds_of(
    network: Network, diodes: Sequence[tuple[str, str]], is_free: NDArray[np.bool_]
) -> tuple[list[Bound], list[tuple[int, int]]]:
    """The bounds that diodes (anode, cathode) are, where (N,) nodes are free or driven; and the nodes of all other diodes.

    Raises:
        ModelError: a diode lies between two driven nodes.
    """
    found, between = list[Bound](), list[tuple[int, int]]()
    for anode, cathode in diodes:
        ends = [-1 if node == GROUND else network.node_index[node] for node in (anode, cathode)]
        above, below = (end >= 0 and bool(is_free[end]) for end in ends)
        if above and below:
            between.append((ends[0], ends[1]))
            continue
        if above == below:
            raise ModelError(
                f"ideal diode from {anode} to {cathode}: both ends are driven, and nothing limits its current; remove it"
            )
        found.append(Bound(ends[0], ends[1], lower=False) if above else Bound(ends[1], ends[0], lower=True))
    return found, between


class Side:
    """The bounds on one side of n free nodes.

    Args:
        size: n.
        bounds: (k, 2), the free node of each, and the column of the driven one; −1 for ground.
        lower: whether they are lower bounds.
    """

    def __init__(self, size: int, bounds: Indices, lower: bool, dtype: Any) -> None:
        nodes, columns = bounds.T
        self._tighter = np.maximum if lower else np.minimum
        self._ground = np.full((1, size), -np.inf if lower else np.inf, dtype=dtype)
        self._ground[:, nodes[columns < 0]] = 0.0
        self._nodes, self._columns = nodes[columns >= 0], columns[columns >= 0]

    def at(self, driven: NDArray[Any]) -> NDArray[Any]:
        """(S, n) V for the voltages of driven nodes (S, driven) V; (1, n) where these change nothing. Not to be written to."""
        if not len(self._nodes):
            return self._ground
        bound = np.tile(self._ground, (len(driven), 1))
        self._tighter.at(bound.T, self._nodes, driven[:, self._columns].T)
        return bound
