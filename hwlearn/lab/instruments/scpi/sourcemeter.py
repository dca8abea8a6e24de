"""`ScpiSourceMeter`: the base of drivers of source meters."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, Self

from hwlearn.lab.instruments.found import Driving, Found
from hwlearn.lab.instruments.roles import MeterReading, SourceMeter, Wired, each_whatever_fails
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.session import Refused, Session
from hwlearn.lab.instruments.scpi.text import number, parse_flag, parse_floats, parse_number
from hwlearn.lab.instruments.settings import Setup

log = logging.getLogger(__name__)

Function = Literal["CURR", "VOLT"]


class ScpiSourceMeter(ScpiInstrument, SourceMeter):
    """Remembers what each channel sources, so that a new level is one short message. `inject`, `hold`, `read` and `step` are
    one round trip each; `off` is a message of its own for each output, and a question whether it is off. The first `limit` of
    a channel, and the first after the instrument was lost and found, switches its output off and tells it all else that a
    level or a reading hangs on, whatever somebody left it in: much of that is refused while an output is on.

    One that has a single channel is switched off even if nothing is wired to it.
    """

    def __init__(self, session: Session, line_hz: int = 50) -> None:
        super().__init__(session, line_hz)
        self._sourced: dict[str, Function] = {}
        self._seconds = 1.0
        self._terminals: str | None = None
        self._told: dict[str, int] = {}  # recoveries when a channel was told its settings

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        made = super().connect(setup)
        made._terminals = setup.table.terminals
        return made

    def look(self, wired: Wired) -> list[Found]:
        found = super().look(wired)
        if self.language == type(self).language:
            found += [one for channels in self._places(wired) for channel in channels for one in self._driving(channel)]
        return found

    def _places(self, wired: Wired) -> Sequence[Sequence[str]]:
        return [[channel] for channel in dict.fromkeys((*wired.nudge, *wired.drive, *self.only))]

    def _driving(self, channel: str) -> list[Found]:
        """Whether its output is on, and what it sources."""
        if not self.session.read(f"{self._output(channel)}?", lambda fields: parse_number(fields[0])):
            return []
        current, voltage = self._levels(channel)
        function = self.session.ask(f"{self._function(channel)}?")[0]
        level, unit = (current, "A") if function.strip("\"'").upper().startswith("CURR") else (voltage, "V")
        sourced = self.session.read(f"{level}?", lambda fields: parse_number(fields[0]))
        return [Driving(f"has its output on, at {sourced:.4g} {unit}", channel)]

    def limit(self, channel: str, *, volts: float, amperes: float, nplc: float) -> None:
        self._seconds = 4 * nplc / self.line_hz
        self._sourced.pop(channel, None)  # the next level switches the output on, whatever was before
        if self._told.get(channel) != self.recoveries:
            self._switch_off(channel)
            chosen = "" if self._terminals is None else f":ROUT:TERM {self._terminals[:4].upper()};"
            self.session.tell(chosen + self._settings(channel))
            self._told[channel] = self.recoveries
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
        function = self._sources(channel)
        message, replies = self._request(channel, function)
        return self.session.read(
            message, lambda fields: self._reading(fields, function), replies=replies, seconds=self._seconds
        )

    def step(self, channel: str, level: float) -> MeterReading | None:
        function = self._sources(channel)
        message, replies = self._request(channel, function)

        def parse(fields: list[str]) -> MeterReading:
            if fields[-1] != "1":
                raise ValueError(f"{fields[-1]} instead of an acknowledgement")
            return self._reading(fields[:-1], function)

        next_level = self._level(channel, function, number(level), False)
        whole = f"{message};{next_level};*OPC?"
        del self._sourced[channel]
        reading = self.session.read(whole, parse, replies=replies + 1, seconds=self._seconds)
        self._sourced[channel] = function
        return reading

    def _sources(self, channel: str) -> Function:
        function = self._sourced.get(channel)
        if function is None:
            raise self.error(f"channel {channel} sources nothing: give it a current or a voltage first")
        return function

    def _reading(self, fields: list[str], function: Function) -> MeterReading:
        one, two = parse_floats(fields[-2], 2)
        return MeterReading(*self._ordered(one, two, function), parse_flag(fields[-1]))

    def off(self, channels: Sequence[str]) -> None:
        """One output after the other, whichever fails; then their levels."""
        each_whatever_fails((self._switch_off, self._zero), channels or self.only)

    def _switch_off(self, channel: str) -> None:
        self._sourced.pop(channel, None)
        output = self._output(channel)
        self.session.off(f"{output} OFF", f"{output}?")

    def _zero(self, channel: str) -> None:
        for level in self._levels(channel):
            try:
                self.session.tell(f"{level} 0")
            except Refused as error:
                log.warning("%s", error)

    def _ordered(self, one: float, two: float, function: Function) -> tuple[float, float]:
        """(V, A) of the two values that the instrument sends."""
        return one, two

    @abstractmethod
    def _settings(self, channel: str) -> str:
        """The message, sent with the output off, of all that a level or a reading hangs on and others may have changed."""

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
    def _output(self, channel: str) -> str:
        """The header that switches an output."""

    @abstractmethod
    def _function(self, channel: str) -> str:
        """The header of what it sources."""

    @abstractmethod
    def _levels(self, channel: str) -> tuple[str, str]:
        """The headers of its current and of its voltage."""
