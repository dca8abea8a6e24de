"""Driver of the QDevil QDAC-II."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwlearn.lab.instruments.scpi.source import ScpiSource
from hwlearn.lab.instruments.scpi.text import number, parse_number


class Qdac2(ScpiSource):
    """QDevil QDAC-II."""

    model = "QDAC-II"

    def _made(self, channels: Sequence[str]) -> Sequence[float]:
        asks = ";".join(f":SOUR{channel}:VOLT:LAST?" for channel in channels)
        return self.session.read(asks, lambda fields: list(map(parse_number, fields)), replies=len(channels))

    def _exchange(self, volts: Mapping[str, float]) -> Sequence[float]:
        sets = [f":SOUR{channel}:VOLT:MODE FIX;:SOUR{channel}:VOLT {number(value)}" for channel, value in volts.items()]
        asks = [f":SOUR{channel}:VOLT:LAST?" for channel in volts]
        message = ";".join(sets + asks)
        return self.session.read(message, lambda fields: list(map(parse_number, fields)), replies=len(volts))
