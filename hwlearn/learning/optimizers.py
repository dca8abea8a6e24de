"""Steps from a direction to a change of the parameters: plain, momentum, Adam."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.remembering import Remembering
from hwlearn.errors import HwlearnError

DECAY = 0.9
"""What `Momentum` keeps of itself from one step to the next."""

UNDERFLOW = 1e-162
"""A floor of `Adam` below this belongs to directions whose squares are not represented any more: they move nothing."""


class Optimizer(Remembering, ABC):
    """Turns directions into steps. What it remembers is the state of one training.

    Attributes:
        learning_rate: α of the next step; a number, or (E,) one for each edge. Steps are linear in it.
        inertia: to how many steps of α ġ a single direction adds up in the end.
    """

    inertia: float = 1.0

    def __init__(self, learning_rate: float) -> None:
        if not (np.isfinite(learning_rate) and learning_rate > 0):
            raise HwlearnError(f"learning_rate is {learning_rate}; it must be positive (rules already descend)")
        self.learning_rate: float | Array = float(learning_rate)

    @abstractmethod
    def step(self, direction: Array) -> Array:
        """(E,) change of the parameters for the direction (E,) in which the loss falls; (E, M) for M trainings at once.

        It may be the direction's own memory, unless that is read-only.
        """

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot.

        Raises:
            HwlearnError: it is that of another optimiser.
        """
        if set(snapshot) != set(self.remembered):
            raise HwlearnError(
                "the snapshot is that of another optimizer: start anew, or go on with the optimizer that made it"
            )
        super().restore(snapshot)


class Plain(Optimizer):
    """α ġ: the discrete form of the learning rules."""

    def step(self, direction: Array) -> Array:
        own = direction.flags.writeable and direction.dtype.kind == "f"
        return np.multiply(direction, self.learning_rate, out=direction if own else None)


class Momentum(Optimizer):
    """Heavy ball (Polyak 1964): m ← 0.9 m + ġ, step α m.

    Also the remedy against conductances that drift: what ġ has to hold against step after step adds up tenfold, while what is
    stable hardly changes (`hwlearn.analysis.floors.bias_floor`). Noise adds up as well.
    """

    remembered = ("mean",)

    def __init__(self, learning_rate: float, decay: float = DECAY) -> None:
        super().__init__(learning_rate)
        self.decay, self.inertia = decay, 1 / (1 - decay)
        self.mean: Array | float = 0.0

    def step(self, direction: Array) -> Array:
        self.mean = self.decay * _as(self.mean, direction) + direction
        return self.learning_rate * self.mean


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), with β₁ = 0.9, β₂ = 0.999.

    `epsilon` is relative to the largest direction seen, since conductances have no common scale.
    """

    remembered = ("mean", "square", "largest", "count")

    def __init__(
        self, learning_rate: float, mean_decay: float = 0.9, square_decay: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        super().__init__(learning_rate)
        self.mean_decay, self.square_decay, self.epsilon = mean_decay, square_decay, epsilon
        self.mean: Array | float = 0.0
        self.square: Array | float = 0.0
        self.largest: Array | float = 0.0
        self.count = 0

    def step(self, direction: Array) -> Array:
        self.count += 1
        self.largest = np.maximum(self.largest, np.abs(direction).max(axis=0, initial=0.0))
        self.mean = self.mean_decay * _as(self.mean, direction) + (1 - self.mean_decay) * direction
        self.square = self.square_decay * _as(self.square, direction) + (1 - self.square_decay) * direction**2
        mean = self.mean / (1 - self.mean_decay**self.count)
        root = np.sqrt(self.square / (1 - self.square_decay**self.count))
        floor = self.epsilon * self.largest
        return self.learning_rate * mean / np.where(floor > UNDERFLOW, root + floor, 1.0)


def _as(remembered: Array | float, direction: Array) -> Array:
    """In the precision of the direction: snapshots are in float64, whose sums are rounded otherwise than those of float32.

    Beside whole numbers, such as signs, in float64.
    """
    return np.asarray(remembered, dtype=direction.dtype if direction.dtype.kind == "f" else np.float64)


OPTIMIZERS: dict[str, type[Optimizer]] = {"plain": Plain, "momentum": Momentum, "adam": Adam}
"""The optimisers by name."""
