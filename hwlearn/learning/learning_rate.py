"""`LearningRate`: the rate of each step: one number, one for each pattern of edges, or the rule's own."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.network import Network
from hwlearn.text import did_you_mean

AUTO = 0.5
"""The rule's own rate, as a part of its limit 2/λ_max."""

Rate = float | Literal["auto"] | Mapping[str, float]


class LearningRate:
    """α of each epoch, as `train` is told it.

    Args:
        given: a number, "auto", or numbers by patterns of edge names. The first pattern that fits an edge counts.
        decay: what α is multiplied by from one epoch to the next.
        network: whose edges they are.

    Raises:
        HwlearnError: no positive number, or a trainable edge that no pattern fits.
    """

    def __init__(self, given: Rate, decay: float, network: Network) -> None:
        if not (math.isfinite(decay) and 0 < decay <= 1):
            raise HwlearnError(f"decay is {decay}; it must be above 0 and at most 1")
        self.decay, self.auto = decay, isinstance(given, str)
        if isinstance(given, str):
            if given != "auto":
                raise HwlearnError(f'learning_rate is {given!r}; give a number, "auto", or numbers by patterns of edge names')
            self.base: float | Array = math.nan
        elif isinstance(given, Mapping):
            self.base = _by_edge(given, network)
        else:
            self.base = _positive(given, "learning_rate")

    def at(self, epoch: int) -> float | Array:
        """α in an epoch: a number, or (E,)."""
        return self.base * self.decay**epoch

    def follow(self, largest_rate: float) -> None:
        """Take the rule's own rate, `AUTO` of its limit; a rule that moves nothing keeps the one it had."""
        if largest_rate > 0:
            self.base = AUTO * 2 / largest_rate
        elif math.isnan(float(np.max(self.base))):
            self.base = 1.0


def _by_edge(given: Mapping[str, float], network: Network) -> Array:
    """(E,) rates; 0 at fixed edges that no pattern fits."""
    rates, names = np.zeros(len(network.edges)), network.edge_names
    for pattern, rate in reversed(list(given.items())):
        fits = np.array([fnmatch.fnmatchcase(name.lower(), str(pattern).lower()) for name in names], dtype=bool)
        if not fits.any():
            raise HwlearnError(f"learning_rate: pattern {pattern!r} fits no edge{did_you_mean(str(pattern), names)}")
        rates[fits] = _positive(rate, f"learning_rate of {pattern!r}")
    left = np.flatnonzero(network.trainable & (rates == 0))
    if len(left):
        raise HwlearnError(f'learning_rate: no pattern fits {names[left[0]]}; add "*" as the last one, or fix the edge')
    return rates


def _positive(value: float, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise HwlearnError(f"{name} is {value!r}; it must be a positive number") from None
    if not (math.isfinite(number) and number > 0):
        raise HwlearnError(f"{name} is {value}; it must be positive (rules already descend)")
    return number
