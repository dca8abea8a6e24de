"""What the meters do to voltages and currents: noise, least count, offsets, drift."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect.effect import Effect, not_negative
from hwlearn.errors import HwlearnError
from hwlearn.network import Network


class Noise(Effect):
    """White noise and least count of every reading.

    Args:
        volts: standard deviation at each node [V].
        lsb: least count [V]; 0 for none.
        amperes: standard deviation of the current into a held output [A].
    """

    def __init__(self, volts: float = 0.0, lsb: float = 0.0, amperes: float = 0.0) -> None:
        self.volts, self.lsb = not_negative("volts", volts), not_negative("lsb", lsb)
        self.amperes = not_negative("amperes", amperes)

    @property
    def noise(self) -> float:
        return float(np.sqrt(self.volts**2 + self.lsb**2 / 12))

    def read(self, voltages: Array, random: np.random.Generator) -> Array:
        if self.volts:
            voltages = voltages + self.volts * random.standard_normal(voltages.shape)
        return np.round(voltages / self.lsb) * self.lsb if self.lsb else voltages

    def read_currents(self, currents: Array, random: np.random.Generator) -> Array:
        return currents + self.amperes * random.standard_normal(currents.shape) if self.amperes else currents


class Offset(Effect):
    """A constant offset of each node's channel, normally distributed with standard deviation `volts` [V]."""

    def __init__(self, volts: float) -> None:
        self.volts = not_negative("volts", volts)

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.draw(len(network.nodes), random)

    def draw(self, channels: int, random: np.random.Generator) -> None:
        """Draw the offsets (channels,) [V] of one specimen."""
        self.offsets = self.volts * random.standard_normal(channels)

    def read(self, voltages: Array, random: np.random.Generator) -> Array:
        return voltages + self.offsets


class Drift(Effect):
    """Offsets that wander while phases are read one after the other.

    A sample is a reading. Channel n is off by `volts · sin(2π k / period + φ_n)` at reading k, φ_n random: at most
    2π volts / period from one reading to the next.

    Args:
        volts: amplitude [V].
        period: readings until an offset returns.
    """

    remembered = ("readings",)

    def __init__(self, volts: float, period: float = 1000.0) -> None:
        self.volts, self.period = not_negative("volts", volts), float(period)
        if not self.period >= 2:
            raise HwlearnError(f"period is {period}; it must be 2 readings or more")
        self.readings = 0

    def begin(self, network: Network, bounds: tuple[Array, Array], random: np.random.Generator) -> None:
        self.phases = random.uniform(0, 2 * np.pi, len(network.nodes))

    def read(self, voltages: Array, random: np.random.Generator) -> Array:
        at = self.readings + np.arange(len(voltages))
        self.readings += len(voltages)
        return voltages + self.volts * np.sin(2 * np.pi / self.period * at[:, None] + self.phases)
