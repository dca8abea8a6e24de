"""`Imperfections` of a virtual bench: what is the same in any circuit, and what only a bench has.

Noise, least count, offsets and tolerances are those of `hwlearn.circuits.imperfect`. Drift in time, settling,
converters and the load of a meter are a bench's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect import Noise, Offset


@dataclass(frozen=True)
class Imperfections:
    """What a real bench adds; zero is none. Same seed, same bench.

    Attributes:
        noise_v: standard deviation of a reading [V].
        lsb_v: step of a reading [V].
        offset_v: standard deviation of the channels' offsets [V].
        drift_v_per_s: largest drift of a channel [V/s].
        tau_s: time constant of settling [s].
        pot_tolerance: largest relative error of an edge's resistance (its series resistor excluded).
        pot_drift: largest relative change of an edge's resistance (its series resistor excluded) at each new code: it adds up,
            and no code shows it. Each edge has its own, which stays.
        dac_bits, dac_span_v: a source channel has 2**bits steps over ±span/2 [V].
        warming_c_per_s: how fast it gets warmer, from 23 °C [°C/s]; nothing but thermometers notices.
        dmm_ohm: load of the scanned channel [Ω]; a thousand times that when its high impedance is on.
    """

    seed: int = 0
    noise_v: float = 0.0
    lsb_v: float = 0.0
    offset_v: float = 0.0
    drift_v_per_s: float = 0.0
    tau_s: float = 0.0
    pot_tolerance: float = 0.0
    pot_drift: float = 0.0
    dac_bits: int = 0
    dac_span_v: float = 0.0
    dmm_ohm: float = 0.0
    warming_c_per_s: float = 0.0


PERFECT = Imperfections()


class Channels:
    """What the channels of a scanner add to the voltages that they read.

    Attributes:
        offsets: of each channel [V].
    """

    def __init__(self, places: Sequence[str], made: Imperfections, random: np.random.Generator) -> None:
        offset, count = Offset(made.offset_v), len(places)
        offset.draw(count, random)
        self.offsets = dict(zip(places, offset.offsets.tolist(), strict=True))
        self._drift = dict(zip(places, (made.drift_v_per_s * random.uniform(-1, 1, count)).tolist(), strict=True))
        self._noise, self._random = Noise(made.noise_v, made.lsb_v), random

    def read(self, places: Sequence[str], volts: Array, seconds: float) -> Array:
        """(channels,) V as read, from what is there, so long [s] after the start."""
        off = [self.offsets.get(place, 0.0) + self._drift.get(place, 0.0) * seconds for place in places]
        return self._noise.read(volts + off, self._random)


def quantised(volts: float, made: Imperfections) -> float:
    """What the source channels make of `volts` [V]."""
    bits, span = made.dac_bits, made.dac_span_v
    if not bits or not span:
        return volts
    step = span / 2**bits
    return min(max(round(volts / step) * step, -span / 2), span / 2)
