"""`Scan`: the channels that are read together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.linalg import square_sum
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.instruments.roles import Scanner
from hwlearn.lab.station import Station


class Scan:
    """Reads all channels, some scans one after the other: one round trip per scanner.

    Args:
        places: channels, as in "daq:101". subjects: what each reads, for errors.

    Attributes:
        places: as given.
    """

    def __init__(self, connection: Connection, station: Station, places: Sequence[str], subjects: Sequence[str]) -> None:
        self.places, self._subjects, self._station = list(places), subjects, station
        self._channels: dict[Scanner, list[str]] = defaultdict(list)
        readings = []
        for place in places:
            scanner, channel = connection.get(place, Scanner)
            readings.append((scanner, len(self._channels[scanner])))
            self._channels[scanner].append(channel)
        starts = dict(zip(self._channels, np.cumsum([0, *map(len, self._channels.values())]).tolist(), strict=False))
        self._order = np.array([starts[scanner] + at for scanner, at in readings], dtype=np.intp)
        self._as_scanned = len(self._channels) == 1 and (np.diff(self._order) > 0).all()
        self._offsets = np.array([station.offsets.get(place, 0.0) for place in places])
        self._shifted = bool(self._offsets.any())

    def configure(self, delay: float | None = None) -> None:
        """Tell the scanners what to read, with another delay of channels than the station's [s] if one is given."""
        station = self._station
        for scanner, channels in self._channels.items():
            name = scanner.name
            scanner.select(
                channels,
                volts=station.range_v(name),
                nplc=station.nplc(name),
                high_z=station.settings.measure.high_z,
                delay=station.channel_delay_s(name) if delay is None else delay,
            )

    def read(self, sample: int, number: int) -> Array:
        """(number, channels) V, less the calibrated offsets.

        Raises:
            InstrumentError: a reading beyond `max_abs_v`, or none.
        """
        scans = [scanner.scan(number) for scanner in self._channels]
        values = scans[0] if self._as_scanned else np.hstack(scans)[:, self._order]
        most = self._station.settings.measure.max_abs_v
        if not square_sum(values) <= most**2 and not (np.abs(values) <= most).all():  # the first is quick, and says enough
            row, bad = np.argwhere(~(np.abs(values) <= most))[0].tolist()
            name, _, channel = self.places[bad].partition(":")
            raise InstrumentError(
                f"channel {channel} ({self._subjects[bad]}) read {values[row, bad]:g} V in sample {sample}, beyond "
                f"measure.max_abs_v = {most:g} V; it is not used: check the wiring and range_v",
                name,
            )
        return values - self._offsets if self._shifted else values
