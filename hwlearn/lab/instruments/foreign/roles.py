"""What drivers of other people do on a bench: the five roles, each by the steps of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.lab.instruments.foreign.instrument import ForeignInstrument
from hwlearn.lab.instruments.foreign.tables import BoxSteps, MeterSteps, ScannerSteps, SourceSteps, Steps, ThermometerSteps
from hwlearn.lab.instruments.foreign.values import integers, number, numbers, switch
from hwlearn.lab.instruments.found import Driving, Found
from hwlearn.lab.instruments.roles import (
    Instrument,
    MeterReading,
    ResistorBox,
    Scanner,
    Source,
    SourceMeter,
    Thermometer,
    Wired,
    each_whatever_fails,
)
from hwlearn.lab.instruments.scpi.source import SILENT, made_of

ABSOLUTE_ZERO = 273.15
"""0 °C in kelvin."""
REACHED = 0.99
"""A limit acts from this part of it on, where the driver cannot say so."""


class ForeignSource(ForeignInstrument, Source):
    """Role drive."""

    @property
    def _source(self) -> SourceSteps:
        assert self.steps.source is not None
        return self.steps.source

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        for channel, value in volts.items():
            self._do("source.set", self._source.set, [channel], volts=value)
            if self._source.on is not None:
                self._do("source.on", self._source.on, [channel])
        told = {channel: self._made_by(channel) for channel in volts}
        made_of(self, volts, told)
        return told

    def zero(self, channels: Sequence[str]) -> None:
        steps = self._source
        with ExitStack() as last:  # is done first
            for channel in reversed(channels):
                if steps.off is not None and steps.off_ask is not None:
                    last.callback(self._off, "source", steps.off, steps.off_ask, channel)
                last.callback(self._zero, channel)

    def _zero(self, channel: str) -> None:
        self._do("source.set", self._source.set, [channel], volts=0.0)
        if not abs(left := self._made_by(channel)) <= 0.01:
            raise self.error(f"channel {channel} was set to 0 V and says {left:g} V")

    def _made_by(self, channel: str) -> float:
        return self._answer("source.ask", self._source.ask, number, [channel])

    def look(self, wired: Wired) -> list[Found]:
        found = super().look(wired)
        for channel in wired.drive:
            if self._source.off_ask is not None and not self._answer(
                "source.off_ask", self._source.off_ask, switch, [channel]
            ):
                continue
            volts = self._made_by(channel)
            found += [Driving(f"makes {volts:.4g} V", channel)] if not abs(volts) <= SILENT else []
        return found


class ForeignScanner(ForeignInstrument, Scanner):
    """Role sense."""

    channels: Sequence[str] = ()

    @property
    def _scanner(self) -> ScannerSteps:
        assert self.steps.scanner is not None
        return self.steps.scanner

    def select(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float | None = None) -> None:
        select = self._scanner.select
        if delay is None and "{delay}" in select:
            raise self.error("names {delay}: give the instrument channel_delay_s")
        for channel in channels if "{channel}" in select else [""]:
            at = [channel] if channel else []
            self._do("scanner.select", select, at, volts=volts, nplc=nplc, high_z=str(high_z), delay=delay or 0.0)
        self.channels = list(channels)

    def scan(self, repeats: int = 1) -> Array:
        if not self.channels:
            raise self.error("has no channels to scan: select them first")
        return np.array([self._once() for _ in range(repeats)])

    def _once(self) -> Array:
        steps = self._scanner.scan
        if "{channel}" in steps:
            return np.array(self._answers("scanner.scan", steps, number, self.channels))
        ascending = sorted(self.channels, key=lambda channel: (int(channel), "") if channel.isdigit() else (0, channel))
        read = self._answer("scanner.scan", steps, lambda value: numbers(value, len(ascending)), self.channels)
        return read[[ascending.index(channel) for channel in self.channels]]


class ForeignBox(ForeignInstrument, ResistorBox):
    """Role program."""

    @property
    def _box(self) -> BoxSteps:
        assert self.steps.box is not None
        return self.steps.box

    def size(self) -> tuple[int, int]:
        return self._box.count, self._box.top

    def state(self) -> tuple[NDArray[np.intp], bool]:
        return self._codes(), self._answer("box.open_ask", self._box.open_ask, switch)

    def _codes(self) -> NDArray[np.intp]:
        count, ask = self._box.count, self._box.ask
        if "{channel}" in ask:
            codes = self._answers("box.ask", ask, lambda value: integers(value, 1)[0], list(map(str, range(count))))
        else:
            codes = self._answer("box.ask", ask, lambda value: integers(value, count))
        return np.array(codes, dtype=np.intp)

    def write(self, codes: Sequence[int]) -> None:
        count, top = self.size()
        if len(codes) != count or not all(0 <= code <= top for code in codes):
            raise self.error(f"takes {count} codes from 0 to {top}, not {list(codes)}")
        if "{codes}" in self._box.set:
            self._do("box.set", self._box.set, codes=str(list(map(int, codes))))
        else:
            for k, code in enumerate(codes):
                self._run("box.set", self._box.set, [str(k)], code=str(int(code)))
            self._accepted("box.set", ())
        told = self._codes()
        wrong = np.flatnonzero(told != np.asarray(codes))
        if len(wrong):
            k = int(wrong[0])
            raise self.error(f"resistor {k}, {self.library}.box.ask: was set to code {codes[k]} and says {told[k]}")

    def open(self) -> None:
        self._do("box.open", self._box.open)
        if not self._answer("box.open_ask", self._box.open_ask, switch):
            raise self.error("says that its resistors are not open")

    def present(self) -> None:
        """Its watchdog hears this."""
        self._answer("box.open_ask", self._box.open_ask, switch)

    def watchdog(self, seconds: float) -> None:
        if self._box.watchdog is None:
            super().watchdog(seconds)
            return
        self._do("box.watchdog", self._box.watchdog, seconds=seconds)


class ForeignMeter(ForeignInstrument, SourceMeter):
    """Role nudge."""

    _sourced: Mapping[str, Literal["inject", "hold"]] = {}  # replaced, never changed
    _limits: Mapping[str, tuple[float, float]] = {}

    @property
    def _meter(self) -> MeterSteps:
        assert self.steps.meter is not None
        return self.steps.meter

    def look(self, wired: Wired) -> list[Found]:
        channels = [
            channel
            for channel in dict.fromkeys((*wired.nudge, *wired.drive))
            if self._answer("meter.off_ask", self._meter.off_ask, switch, [channel])
        ]
        return [*super().look(wired), *(Driving("has its output on", channel) for channel in channels)]

    def limit(self, channel: str, *, volts: float, amperes: float, nplc: float) -> None:
        if channel not in self._limits:
            self._off_now(channel)
        self._do("meter.limit", self._meter.limit, [channel], volts=volts, amperes=amperes, nplc=nplc)
        self._limits = {**self._limits, channel: (volts, amperes)}

    def inject(self, channel: str, amperes: float) -> None:
        self._do("meter.inject", self._meter.inject, [channel], amperes=amperes)
        self._sourced = {**self._sourced, channel: "inject"}

    def hold(self, channel: str, volts: float) -> None:
        self._do("meter.hold", self._meter.hold, [channel], volts=volts)
        self._sourced = {**self._sourced, channel: "hold"}

    def read(self, channel: str) -> MeterReading:
        sourced = self._sourced.get(channel)
        if sourced is None:
            raise self.error(f"channel {channel} sources nothing: give it a current or a voltage first")
        volts = self._answer("meter.volts_ask", self._meter.volts_ask, number, [channel])
        amperes = self._answer("meter.amperes_ask", self._meter.amperes_ask, number, [channel])
        tripped = self._meter.inject_tripped if sourced == "inject" else self._meter.hold_tripped
        if tripped is not None:
            return MeterReading(volts, amperes, self._answer(f"meter.{sourced}_tripped", tripped, switch, [channel]))
        most_volts, most_amperes = self._limits.get(channel, (np.inf, np.inf))
        acts = abs(volts) >= REACHED * most_volts if sourced == "inject" else abs(amperes) >= REACHED * most_amperes
        return MeterReading(volts, amperes, acts)

    def off(self, channels: Sequence[str]) -> None:
        """One output after the other, whichever fails; then their levels."""
        each_whatever_fails((self._off_now, self._zero), channels)

    def _off_now(self, channel: str) -> None:
        self._sourced = {other: key for other, key in self._sourced.items() if other != channel}
        self._off("meter", self._meter.off, self._meter.off_ask, channel)

    def _zero(self, channel: str) -> None:
        if self._meter.zero is not None:
            self._do("meter.zero", self._meter.zero, [channel])


class ForeignThermometer(ForeignInstrument, Thermometer):
    """Role temperature."""

    @property
    def _thermometer(self) -> ThermometerSteps:
        assert self.steps.thermometer is not None
        return self.steps.thermometer

    def celsius(self, channel: str) -> float:
        told = self._answer("thermometer.ask", self._thermometer.ask, number, [channel])
        return told - ABSOLUTE_ZERO if self._thermometer.unit == "K" else told


@lru_cache(64)
def _composed(adapter: type[ForeignInstrument], roles: tuple[type[ForeignInstrument], ...]) -> type[Instrument]:
    return type(adapter.__name__, (adapter, *roles), {"__doc__": adapter.__doc__})


def with_roles(adapter: type[ForeignInstrument], steps: Steps) -> type[Instrument]:
    """The adapter, with the roles that its table has."""
    known: dict[str, type[ForeignInstrument]] = {
        "source": ForeignSource,
        "scanner": ForeignScanner,
        "box": ForeignBox,
        "meter": ForeignMeter,
        "thermometer": ForeignThermometer,
    }
    return _composed(adapter, tuple(role for key, role in known.items() if getattr(steps, key) is not None))
