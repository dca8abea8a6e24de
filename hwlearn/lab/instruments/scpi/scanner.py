"""`ScpiScanner`: the base of drivers of scanning voltmeters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.instruments.roles import Scanner, Wired
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.text import parse_numbers

RELAY_SECONDS = 0.02
"""Switching from one channel to the next, with the delay that instruments choose by themselves, at most."""


class ScpiScanner(ScpiInstrument, Scanner):
    """Scans its channels in ascending order, as instruments do, and sorts the readings. `scan` is one round trip.

    Attributes:
        channels: in ascending order.
    """

    channels: Sequence[str] = ()
    _seconds = 0.0

    def _places(self, wired: Wired) -> Sequence[Sequence[str]]:
        return [sorted(wired.read, key=_ascending)] if wired.read else []

    def select(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float | None = None) -> None:
        self.channels = sorted(channels, key=_ascending)
        self._order = np.array([self.channels.index(channel) for channel in channels], dtype=np.intp)
        self._sorted = bool((np.diff(self._order) > 0).all())
        self._seconds = len(channels) * (nplc / self.line_hz + (delay or 0.0) + RELAY_SECONDS)
        self.session.tell(self._setup(self.channels, volts, nplc, high_z, delay))

    def scan(self, repeats: int = 1) -> Array:
        if not self.channels:
            raise self.error("has no channels to scan: select them first")
        count = len(self.channels)
        message, replies = self._request(count, repeats)
        readings = self.session.read(
            message,
            lambda fields: self._readings(fields, repeats * count),
            replies=replies,
            seconds=repeats * self._seconds,
        )
        found: Array = readings.reshape(repeats, count)
        return found if self._sorted else found[:, self._order]

    def _readings(self, fields: list[str], count: int) -> Array:
        """(count,) V, of the answers."""
        return parse_numbers(fields[-1], count)

    @abstractmethod
    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        """The message of `select`."""

    @abstractmethod
    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        """(message that makes scans of `count` channels and sends them, number of its answers), the readings the last one."""


def _ascending(channel: str) -> tuple[int, str]:
    return (int(channel), "") if channel.isdigit() else (0, channel)
