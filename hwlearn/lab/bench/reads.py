"""`Reads`: what the readings of a bench's channels say of its nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.station import Station


class Reads:
    """From readings, as instruments give them less their offsets, to the voltages of nodes and of sources behind resistors.

    A channel reads r = gain · (v − w), with w the voltage of the node against which it reads, or 0: so v = S r.
    Limits and calibrated offsets are those of readings.

    Args:
        places: the channel of each node, then the others, as in "daq:101". against: index among the nodes, None is ground.

    Attributes:
        plain: whether voltages are the readings themselves.
        reach: (C,) how far a voltage may be off if every reading is off by 1 V.
        spread: (C,) standard deviation of a voltage, for readings with that of 1 V.
    """

    def __init__(self, station: Station, places: Sequence[str], against: Sequence[int | None]) -> None:
        given, rows = station.settings.channel, np.eye(len(places))
        for k, other in enumerate(against):
            if other is not None:
                rows[k, other] = -1.0
        gains = [given[place].gain if place in given else 1.0 for place in places]
        self._solved = np.linalg.inv(rows) / np.array(gains)
        self.plain = np.array_equal(self._solved, np.eye(len(places)))
        self.reach = np.abs(self._solved).sum(axis=1)
        self.spread = np.sqrt(np.square(self._solved).sum(axis=1))

    def voltages(self, readings: Array) -> Array:
        """(…, C) V for readings (…, C) V; or for the first of them, which no other has a part in."""
        count = readings.shape[-1]
        return readings if self.plain else readings @ self._solved[:count, :count].T
