"""Steps from a direction to a change of the parameters: plain, momentum, Adam."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from hwlearn.circuits.base import Array
from hwlearn.errors import HwlearnError


class Optimizer(ABC):
    """Turns directions into steps. Holds the state of one training."""

    def __init__(self, learning_rate: float) -> None:
        if not (np.isfinite(learning_rate) and learning_rate > 0):
            raise HwlearnError(f"learning_rate is {learning_rate}; it must be positive (rules already descend)")
        self.learning_rate = float(learning_rate)

    @abstractmethod
    def step(self, direction: Array) -> Array:
        """(E,) change of the parameters for the direction (E,) in which the loss falls."""


class Plain(Optimizer):
    """α ġ: the discrete form of the learning rules."""

    def step(self, direction: Array) -> Array:
        return self.learning_rate * direction


class Momentum(Optimizer):
    """Heavy ball (Polyak 1964): m ← 0.9 m + ġ, step α m."""

    def __init__(self, learning_rate: float, decay: float = 0.9) -> None:
        super().__init__(learning_rate)
        self.decay = decay
        self._mean: Array | float = 0.0

    def step(self, direction: Array) -> Array:
        self._mean = self.decay * self._mean + direction
        return self.learning_rate * self._mean


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), with β₁ = 0.9, β₂ = 0.999.

    `epsilon` is relative to the largest direction seen, since conductances have no common scale.
    """

    def __init__(
        self, learning_rate: float, mean_decay: float = 0.9, square_decay: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        self.mean_decay, self.square_decay, self.epsilon = mean_decay, square_decay, epsilon
        self._mean: Array | float = 0.0
        self._square: Array | float = 0.0
        self._largest = 0.0
        self._count = 0

    def step(self, direction: Array) -> Array:
        self._count += 1
        self._largest = max(self._largest, float(np.abs(direction).max(initial=0.0)))
        self._mean = self.mean_decay * self._mean + (1 - self.mean_decay) * direction
        self._square = self.square_decay * self._square + (1 - self.square_decay) * direction**2
        mean = self._mean / (1 - self.mean_decay**self._count)
        root = np.sqrt(self._square / (1 - self.square_decay**self._count))
        floor = self.epsilon * self._largest
        return self.learning_rate * mean / (root + floor) if floor else np.zeros_like(direction)


OPTIMIZERS: dict[str, type[Optimizer]] = {"plain": Plain, "momentum": Momentum, "adam": Adam}
"""The optimisers by name."""
