"""Drivers of voltage sources."""

from __future__ import annotations

from collections.abc import Mapping

from hwlearn.lab.instruments.roles import Source
from hwlearn.lab.instruments.scpi import channel_list, number, parse_number, parse_numbers


class ScpiDac(Source):
    """Any DAC that takes `SOUR:VOLT v1,v2,(@1,2)` and answers `SOUR:VOLT? (@1,2)`, such as a microcontroller."""

    model = "SCPI DAC"

    def set_voltages(self, volts: Mapping[str, float]) -> dict[str, float]:
        channels = channel_list(list(volts))
        values = ",".join(map(number, volts.values()))
        told = self.session.read(
            f":SOUR:VOLT {values},{channels};:SOUR:VOLT? {channels}", lambda fields: parse_numbers(fields[0], len(volts))
        )
        return self._checked(volts, told)


class Qdac2(Source):
    """QDevil QDAC-II."""

    model = "QDAC-II"

    def set_voltages(self, volts: Mapping[str, float]) -> dict[str, float]:
        sets = [f":SOUR{channel}:VOLT:MODE FIX;:SOUR{channel}:VOLT {number(value)}" for channel, value in volts.items()]
        asks = [f":SOUR{channel}:VOLT:LAST?" for channel in volts]

        def parse(fields: list[str]) -> dict[str, float]:
            return dict(zip(volts, map(parse_number, fields), strict=True))

        told = self.session.read(";".join(sets + asks), parse, replies=len(volts))
        return self._checked(volts, parse_numbers(",".join(map(number, told.values())), len(told)))
