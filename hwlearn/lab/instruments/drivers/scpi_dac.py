"""Driver of converters that speak plain SCPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwlearn.lab.instruments.scpi.source import ScpiSource
from hwlearn.lab.instruments.scpi.text import channel_list, number, parse_floats


class ScpiDac(ScpiSource):
    """Any DAC that takes `SOUR:VOLT v1,v2,(@1,2)` and answers `SOUR:VOLT? (@1,2)`, such as a microcontroller."""

    model = "SCPI DAC"

    def _made(self, channels: Sequence[str]) -> Sequence[float]:
        count = len(channels)
        return self.session.read(f":SOUR:VOLT? {channel_list(channels)}", lambda fields: parse_floats(fields[0], count))

    def _exchange(self, volts: Mapping[str, float]) -> Sequence[float]:
        channels = channel_list(list(volts))
        values = ",".join(map(number, volts.values()))
        message = f":SOUR:VOLT {values},{channels};:SOUR:VOLT? {channels}"
        return self.session.read(message, lambda fields: parse_floats(fields[0], len(volts)))
