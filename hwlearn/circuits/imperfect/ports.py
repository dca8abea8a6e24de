"""What the sources at the outputs do to nudges."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.circuits.imperfect.effect import Effect, not_negative
from hwlearn.network import Network


class NudgeGain(Effect):
    """The source at output a makes (1 + ε_a) of what it is told, current or voltage; ε_a normal with deviation `part`."""

    def __init__(self, part: float) -> None:
        self.part = not_negative("part", part)

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.gains = 1 + self.part * random.standard_normal(len(network.outputs))

    def imposed(self, values: Array, outputs: Outputs) -> Array:
        return values * self.gains
