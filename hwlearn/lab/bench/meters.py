"""`Meters`: what is kept of what source meters say in a phase, however often they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array, Indices
from hwlearn.lab.instruments.roles import MeterReading


@dataclass(frozen=True, slots=True)
class Metered:
    """What a source meter measured while a sample was driven.

    Attributes:
        sample: its index. of: what the meter is, as in "output t1,t2" or "source I1". instrument, channel: the meter.
        reading: volts, amperes, and whether a limit acted.
    """

    sample: int
    of: str
    instrument: str
    channel: str
    reading: MeterReading


class Span(NamedTuple):
    """What one source meter said of S samples.

    Attributes:
        of: what the meter is, as in `Metered`.
        low, high: (S,) V, the ends of what it measured in each sample; NaN where it was not asked.
    """

    of: str
    low: Array
    high: Array

    def readings(self) -> tuple[Indices, Array]:
        """Samples (V,) and voltages (V,) V: both ends of each sample in turn."""
        both = np.stack((self.low, self.high), axis=1).ravel()
        asked = ~np.isnan(both)
        return np.repeat(np.arange(len(self.low)), 2)[asked], both[asked]


@dataclass
class Meters:
    """Of each source meter the lowest and the highest voltage of each of S samples, and the first reading that is of no use.

    Attributes:
        samples: S.
        useless: the first that measured nothing, or was at its limit.
        spans: by instrument and channel.
    """

    samples: int
    useless: Metered | None = None
    spans: dict[tuple[str, str], Span] = field(default_factory=dict)

    def add(self, said: Sequence[Metered]) -> None:
        """What meters said."""
        for one in said:
            volts, amperes, tripped = one.reading
            if tripped or math.isnan(volts) or not math.isfinite(amperes):
                self.useless = one if self.useless is None else self.useless
            place = one.instrument, one.channel
            if place not in self.spans:
                self.spans[place] = Span(one.of, np.full(self.samples, np.nan), np.full(self.samples, np.nan))
            span = self.spans[place]
            span.low[one.sample] = np.fmin(span.low[one.sample], volts)
            span.high[one.sample] = np.fmax(span.high[one.sample], volts)
