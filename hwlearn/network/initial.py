"""`Initial`: conductances at random, so that a seed means another start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hwlearn.arrays import Array, seed_of
from hwlearn.errors import NetworkError
from hwlearn.network.arguments import mask_of
from hwlearn.network.network import Network

Distribution = Literal["uniform", "log-uniform", "factor"]


@dataclass(frozen=True)
class Initial:
    """Draws conductances of the trainable edges; `Initial(…)(network)` is the same network with them.

    Args:
        distribution: "uniform" or "log-uniform" from `low` to `high` [S]; or "factor": what the network has times a number,
            log-uniform from `low` to `high`.
        low, high: ends of the distribution [S], or factors.
        seed: of the numbers. An edge has the same number whichever others are drawn.
        edges: patterns of names; all trainable edges if not given.

    Raises:
        NetworkError: an unknown distribution, or ends that make no sense.
    """

    distribution: Distribution
    low: float
    high: float
    seed: int = 0
    edges: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.distribution not in get_args(Distribution):
            raise NetworkError(
                f"initial: distribution {self.distribution!r}; choose one of {', '.join(get_args(Distribution))}"
            )
        if not (0 < self.low <= self.high and math.isfinite(self.high)):
            raise NetworkError(f"initial: low = {self.low} and high = {self.high}; need 0 < low ≤ high")

    def __call__(self, network: Network) -> Network:
        """The network with conductances drawn at random.

        Raises:
            NetworkError: a pattern that fits no edge, or a conductance outside an edge's bounds, by name.
        """
        named = None if self.edges is None else list(self.edges)
        chosen = network.trainable & mask_of(named, network.edge_names, "initial: edges:")
        drawn = self._spread(np.random.default_rng(seed_of(self.seed)).uniform(size=len(network.edges)))
        if self.distribution == "factor":
            drawn = network.conductances * drawn
        outside = np.flatnonzero(chosen & ((drawn < network.lower) | (drawn > network.upper)))
        if len(outside):
            k = int(outside[0])
            raise NetworkError(
                f"initial: {network.edge_names[k]} is drawn at {drawn[k]:.4g} S, outside its bounds "
                f"{network.lower[k]:g} … {network.upper[k]:g} S; widen the bounds, or bring low and high within them"
            )
        return network.with_conductances(np.where(chosen, drawn, network.conductances))

    def _spread(self, parts: Array) -> Array:
        """Numbers from 0 to 1 as numbers from low to high."""
        if self.distribution == "uniform":
            return self.low + (self.high - self.low) * parts
        return np.asarray(np.clip(self.low * (self.high / self.low) ** parts, self.low, self.high))
