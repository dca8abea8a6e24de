"""`RelativeRate`: learning_rate = "auto" of Adam, whose steps have the size of their rate whatever the direction is."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.learning.rates.learning_rate import LearningRate
from hwlearn.learning.rule import Reading
from hwlearn.network import Network

PART = 0.1
"""Of what an edge is set by, that a step of Adam changes it by at most, or nearly."""


class RelativeRate(LearningRate):
    """α = `PART` of what is stepped: of each conductance, or setting, such as a gate voltage; `PART` for logarithms.

    Coercivity says nothing of Adam, which divides each direction by its own size.

    Args:
        parameter: see `train`.
    """

    def __init__(self, decay: float, network: Network, parameter: str) -> None:
        super().__init__(decay)
        self._network, self._parameter = network, parameter
        self._base: float | Array = PART

    def look(self, step: int, reading: Reading, wanted: Array, slopes: Array | None) -> None:
        if self._parameter == "log-conductance":
            return
        sizes = wanted.copy()
        for k, device in self._network.device_at.items():
            if self._parameter == device.set_by.word:
                sizes[k] = abs(device.setting(float(wanted[k])))
        self._base = PART * np.maximum(sizes, PART * sizes[self._network.trainable].mean())

    def at(self, epoch: int) -> float | Array:
        return self._base * self.decay**epoch
