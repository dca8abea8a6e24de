"""Driver of any SCPI instrument: what it is sent stands in the station file, `[instrument.X.scpi]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.found import Driving, Found
from hwlearn.lab.instruments.roles import (
    Instrument,
    MeterReading,
    ResistorBox,
    SourceMeter,
    Thermometer,
    Wired,
    each_whatever_fails,
)
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.source import ScpiSource
from hwlearn.lab.instruments.scpi.templates import BoxLines, MeterLines, ScannerLines, ScpiLines, SourceLines, each
from hwlearn.lab.instruments.scpi.text import number, parse_flag, parse_integers, parse_number, parse_numbers
from hwlearn.lab.instruments.settings import InstrumentTable, Setup


class Scpi(ScpiInstrument):
    """Has the roles that its table has. A refusal names the channels and the key whose line was sent."""

    model = "SCPI instrument"
    lines: ScpiLines

    @classmethod
    def fitted(cls, table: InstrumentTable) -> type[Instrument]:
        if table.scpi is None:
            raise ValueError('driver = "scpi" needs its messages: give it a table scpi, see docs/reference/station-file.md')
        return _with_roles(tuple(role for key, role in TEMPLATED.items() if getattr(table.scpi, key) is not None))

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        made = super().connect(setup)
        assert setup.table.scpi is not None
        made.lines = setup.table.scpi
        return made

    @contextmanager
    def _sent(self, key: str, channels: Sequence[str]) -> Iterator[None]:
        """Errors say what was asked of which channels, by which key."""
        try:
            yield
        except InstrumentError as error:
            text = str(error).removeprefix(str(self.error("")))
            at = f"channel{'s' * (len(channels) > 1)} {', '.join(channels)}, " if channels else ""
            raise type(error)(f"{at}scpi.{key}: {text}", self.name, self.session.resource) from error

    def _off(self, key: str, off: str, asked: str, channel: str) -> None:
        """Switch a channel off, and make sure that it is."""
        with self._sent(f"{key}.off", [channel]):
            self.session.off(off.format(channel=channel), asked.format(channel=channel))


class ScpiLinesSource(Scpi, ScpiSource):
    """Role drive."""

    @property
    def _source(self) -> SourceLines:
        assert self.lines.source is not None
        return self.lines.source

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        with self._sent("source.set", list(volts)):
            return super().set(volts)

    def zero(self, channels: Sequence[str]) -> None:
        lines = self._source
        if lines.off is None or lines.off_ask is None:
            super().zero(channels)
            return
        with ExitStack() as last:  # is done first
            for channel in channels:
                last.callback(self._off, "source", lines.off, lines.off_ask, channel)
            message, _ = each(lines.set, lambda _: {"volts": "0"}, tuple(channels))
            last.callback(self._tell, "source.set", message, channels)

    def _tell(self, key: str, message: str, channels: Sequence[str]) -> None:
        with self._sent(key, channels):
            self.session.tell(message)

    def look(self, wired: Wired) -> list[Found]:
        with self._sent("source.ask", wired.drive):
            return super().look(wired)

    def _made(self, channels: Sequence[str]) -> Sequence[float]:
        return self._told("", channels)

    def _exchange(self, volts: Mapping[str, float]) -> Sequence[float]:
        channels, lines = tuple(volts), self._source
        message, _ = each(lines.set, lambda channel: {"volts": number(volts[channel or channels[0]])}, channels)
        if lines.on is not None:
            message += ";" + each(lines.on, lambda _: {}, channels)[0]
        return self._told(message + ";", channels)

    def _told(self, before: str, channels: Sequence[str]) -> Sequence[float]:
        questions, replies = each(self._source.ask, lambda _: {}, tuple(channels))

        def parse(fields: list[str]) -> list[float]:
            return [parse_number(field) for field in fields]

        return self.session.read(before + questions, parse, replies=replies)


LONGEST = 200
"""Characters of a message that several scans are joined to."""


class ScpiLinesScanner(Scpi, ScpiScanner):
    """Role sense."""

    @property
    def _scanner(self) -> ScannerLines:
        assert self.lines.scanner is not None
        return self.lines.scanner

    def select(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float | None = None) -> None:
        with self._sent("scanner.select", channels):
            super().select(channels, volts=volts, nplc=nplc, high_z=high_z, delay=delay)

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        if delay is None and "{delay}" in self._scanner.select:
            raise self.error("names {delay}: give the instrument channel_delay_s")
        filled = {
            "channels": ",".join(channels),
            "volts": number(volts),
            "nplc": number(nplc),
            "high_z": "ON" if high_z else "OFF",
            "delay": number(delay or 0.0),
        }
        return each(self._scanner.select, lambda _: filled, tuple(channels))[0]

    def scan(self, repeats: int = 1) -> Array:
        """As many scans in a message as are short enough for any input buffer."""
        length = len(self._request(len(self.channels), 1)[0]) + 1
        most = max(1, LONGEST // length)
        counts = [min(most, repeats - done) for done in range(0, repeats, most)]
        with self._sent("scanner.scan", self.channels):
            return np.concatenate([super(ScpiLinesScanner, self).scan(count) for count in counts])

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        filled = {"channels": ",".join(self.channels)}
        message, replies = each(self._scanner.scan, lambda _: filled, tuple(self.channels))
        return ";".join([message] * repeats), replies * repeats

    def _readings(self, fields: list[str], count: int) -> Array:
        return parse_numbers(",".join(fields), count)


class ScpiLinesBox(Scpi, ResistorBox):
    """Role program."""

    @property
    def _box(self) -> BoxLines:
        assert self.lines.box is not None
        return self.lines.box

    @property
    def _all(self) -> tuple[str, ...]:
        return tuple(map(str, range(self._box.count)))

    def size(self) -> tuple[int, int]:
        return self._box.count, self._box.top

    def state(self) -> tuple[NDArray[np.intp], bool]:
        questions, replies = each(self._box.ask, lambda _: {}, self._all)

        def parse(fields: list[str]) -> tuple[NDArray[np.intp], bool]:
            return self._codes(fields[:-1]), parse_flag(fields[-1])

        with self._sent("box.ask", ()):
            return self.session.read(f"{questions};{self._box.open_ask}", parse, replies=replies + 1)

    def _codes(self, fields: list[str]) -> NDArray[np.intp]:
        return parse_integers(",".join(fields), self._box.count)

    def write(self, codes: Sequence[int]) -> None:
        count, top = self.size()
        if len(codes) != count or not all(0 <= code <= top for code in codes):
            raise self.error(f"takes {count} codes from 0 to {top}, not {list(codes)}")
        joined = ",".join(map(str, codes))
        message, _ = each(self._box.set, lambda k: {"codes": joined, "code": str(codes[int(k or 0)])}, self._all)
        questions, replies = each(self._box.ask, lambda _: {}, self._all)
        with self._sent("box.set", ()):
            told = self.session.read(f"{message};{questions}", self._codes, replies=replies)
        wrong = np.flatnonzero(told != np.asarray(codes))
        if len(wrong):
            k = int(wrong[0])
            raise self.error(f"resistor {k}, scpi.box.ask: was set to code {codes[k]} and says {told[k]}")

    def open(self) -> None:
        with self._sent("box.open", ()):
            opened = self.session.read(f"{self._box.open};{self._box.open_ask}", lambda fields: parse_flag(fields[-1]))
            if not opened:
                raise self.error("says that its resistors are not open")

    def watchdog(self, seconds: float) -> None:
        if self._box.watchdog is None:
            super().watchdog(seconds)
            return
        with self._sent("box.watchdog", ()):
            self.session.tell(self._box.watchdog.format(seconds=number(seconds)))


class ScpiLinesMeter(Scpi, SourceMeter):
    """Role nudge."""

    _seconds = 1.0
    _sourced: Mapping[str, Literal["inject", "hold"]] = {}  # replaced, never changed

    _told: Mapping[str, int] = {}  # recoveries when a channel was told its limits

    @property
    def _meter(self) -> MeterLines:
        assert self.lines.meter is not None
        return self.lines.meter

    def look(self, wired: Wired) -> list[Found]:
        found = super().look(wired)
        for channel in dict.fromkeys((*wired.nudge, *wired.drive)):
            with self._sent("meter.off_ask", [channel]):
                on = self.session.read(
                    self._meter.off_ask.format(channel=channel), lambda fields: bool(parse_number(fields[0]))
                )
            found += [Driving("has its output on", channel)] if on else []
        return found

    def limit(self, channel: str, *, volts: float, amperes: float, nplc: float) -> None:
        if self._told.get(channel) != self.recoveries:
            self._off_now(channel)
        self._seconds = 4 * nplc / self.line_hz
        message = self._meter.limit.format(channel=channel, volts=number(volts), amperes=number(amperes), nplc=number(nplc))
        with self._sent("meter.limit", [channel]):
            self.session.tell(message)
        self.session.kept[channel] = message
        self._told = {**self._told, channel: self.recoveries}

    def inject(self, channel: str, amperes: float) -> None:
        self._level("inject", channel, self._meter.inject.format(channel=channel, amperes=number(amperes)))

    def hold(self, channel: str, volts: float) -> None:
        self._level("hold", channel, self._meter.hold.format(channel=channel, volts=number(volts)))

    def _level(self, key: Literal["inject", "hold"], channel: str, message: str) -> None:
        with self._sent(f"meter.{key}", [channel]):
            self.session.tell(message)
        self._sourced = {**self._sourced, channel: key}

    def read(self, channel: str) -> MeterReading:
        sourced, lines = self._sourced.get(channel), self._meter
        if sourced is None:
            raise self.error(f"channel {channel} sources nothing: give it a current or a voltage first")
        tripped = lines.inject_tripped if sourced == "inject" else lines.hold_tripped
        questions = ";".join(line.format(channel=channel) for line in (lines.volts_ask, lines.amperes_ask, tripped))

        def parse(fields: list[str]) -> MeterReading:
            return MeterReading(parse_number(fields[0]), parse_number(fields[1]), parse_flag(fields[2]))

        with self._sent("meter.volts_ask, amperes_ask or " + f"{sourced}_tripped", [channel]):
            return self.session.read(questions, parse, replies=3, seconds=2 * self._seconds)

    def off(self, channels: Sequence[str]) -> None:
        """One output after the other, whichever fails; then their levels."""
        each_whatever_fails((self._off_now, self._zero), channels)

    def _off_now(self, channel: str) -> None:
        self._sourced = {other: key for other, key in self._sourced.items() if other != channel}
        self._off("meter", self._meter.off, self._meter.off_ask, channel)

    def _zero(self, channel: str) -> None:
        if self._meter.zero is not None:
            with self._sent("meter.zero", [channel]):
                self.session.tell(self._meter.zero.format(channel=channel))


class ScpiLinesThermometer(Scpi, Thermometer):
    """Role temperature."""

    def celsius(self, channel: str) -> float:
        assert self.lines.thermometer is not None
        with self._sent("thermometer.ask", [channel]):
            return self.session.read(
                self.lines.thermometer.ask.format(channel=channel), lambda fields: parse_number(fields[0])
            )


TEMPLATED: dict[str, type[Scpi]] = {
    "source": ScpiLinesSource,
    "scanner": ScpiLinesScanner,
    "box": ScpiLinesBox,
    "meter": ScpiLinesMeter,
    "thermometer": ScpiLinesThermometer,
}
"""Role by its table in `[instrument.X.scpi]`."""


@lru_cache(16)
def _with_roles(roles: tuple[type[Scpi], ...]) -> type[Instrument]:
    return roles[0] if len(roles) == 1 else type("Scpi", roles, {})
