"""`ScpiSourceMeter`: the base of drivers of source meters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

from hwlearn.lab.instruments.roles import MeterReading, SourceMeter
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.instruments.scpi.text import number, parse_integers, parse_numbers

Function = Literal["CURR", "VOLT"]


class ScpiSourceMeter(ScpiInstrument, SourceMeter):
    """Remembers what each channel sources, so that a new level is one short message. Each method is one round trip."""

    def __init__(self, session: Session, line_hz: int = 50) -> None:
        super().__init__(session, line_hz)
        self._sourced: dict[str, Function] = {}
        self._seconds = 1.0

    def limit(self, channel: str, *, volts: float, amperes: float, nplc: float) -> None:
        self._seconds = 4 * nplc / self.line_hz
        self._sourced.pop(channel, None)  # the next level switches the output on, whatever was before
        limits = self._limits(channel, number(volts), number(amperes), number(nplc))
        self.session.tell(limits)
        self.session.kept[channel] = limits

    def inject(self, channel: str, amperes: float) -> None:
        self._source(channel, "CURR", amperes)

    def hold(self, channel: str, volts: float) -> None:
        self._source(channel, "VOLT", volts)

    def _source(self, channel: str, function: Function, value: float) -> None:
        changed = self._sourced.get(channel) != function
        self._sourced.pop(channel, None)
        self.session.tell(self._level(channel, function, number(value), changed))
        self._sourced[channel] = function

    def read(self, channel: str) -> MeterReading:
        function = self._sourced.get(channel)
        if function is None:
            raise self.error(f"channel {channel} sources nothing: give it a current or a voltage first")
        message, replies = self._request(channel, function)

        def parse(fields: list[str]) -> MeterReading:
            one, two = parse_numbers(fields[-2], 2).tolist()
            return MeterReading(*self._ordered(one, two, function), bool(parse_integers(fields[-1], 1)[0]))

        return self.session.read(message, parse, replies=replies, seconds=self._seconds)

    def off(self, channels: Sequence[str]) -> None:
        self._sourced.clear()
        message = self._off(channels)
        if message:
            self.session.tell(message)

    def _ordered(self, one: float, two: float, function: Function) -> tuple[float, float]:
        """(V, A) of the two values that the instrument sends."""
        return one, two

    @abstractmethod
    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        """The message of `limit`."""

    @abstractmethod
    def _level(self, channel: str, function: Function, value: str, changed: bool) -> str:
        """The message that sources a level; `changed` if it was another function before."""

    @abstractmethod
    def _request(self, channel: str, function: Function) -> tuple[str, int]:
        """(message that measures, number of its answers): two values, then whether the limit acts."""

    @abstractmethod
    def _off(self, channels: Sequence[str]) -> str:
        """The message that sets levels to zero and switches outputs off."""
