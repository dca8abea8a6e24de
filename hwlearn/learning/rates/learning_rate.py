"""`LearningRate`: the rate of each step; `GivenRate`: one number, or one for each pattern of edges."""

from __future__ import annotations

import fnmatch
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.rule import Reading
from hwlearn.network import Network
from hwlearn.text import did_you_mean

Rate = float | Literal["auto"] | Mapping[str, float]


class LearningRate(ABC):
    """α of each step.

    Args:
        decay: what α is multiplied by from one epoch to the next.

    Raises:
        HwlearnError: a decay that makes no sense.

    Attributes:
        remedy: what to do where it is too large.
        looks: whether `look` does anything.
    """

    remedy = "give a smaller number"
    looks = True

    def __init__(self, decay: float) -> None:
        if not (math.isfinite(decay) and 0 < decay <= 1):
            raise HwlearnError(f"decay is {decay}; it must be above 0 and at most 1")
        self.decay = decay

    @abstractmethod
    def at(self, epoch: int) -> float | Array:
        """α in an epoch: a number, or (E,)."""

    def look(self, step: int, reading: Reading, wanted: Array, slopes: Array | None) -> None:
        """See where the training is, before each step, if it `looks`.

        Args:
            step, reading: the step that is about to be made, and what was read for it.
            wanted: (E,) S, where it starts.
            slopes: (E,) ∂g/∂parameter; None where conductances themselves are stepped.
        """
        raise NotImplementedError

    def snapshot(self) -> dict[str, Array]:
        """What is remembered, for `restore`."""
        return {}

    def restore(self, snapshot: Mapping[str, ArrayLike]) -> None:
        """Go on from a snapshot of the training."""
        del snapshot  # most rates remember nothing


class GivenRate(LearningRate):
    """One number for all edges, or one for each pattern of edge names; the first pattern that fits an edge counts.

    Raises:
        HwlearnError: no positive number, or a trainable edge that no pattern fits.
    """

    remedy = "give less, or leave it out (auto)"
    looks = False

    def __init__(self, given: float | Mapping[str, float], decay: float, network: Network) -> None:
        super().__init__(decay)
        self._base = _by_edge(given, network) if isinstance(given, Mapping) else _positive(given, "learning_rate")

    def at(self, epoch: int) -> float | Array:
        return self._base * self.decay**epoch


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
