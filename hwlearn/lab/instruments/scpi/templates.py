"""`[instrument.X.scpi]`: what a generic SCPI instrument is sent, as templates, one table for each role."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, PositiveInt, model_validator

from hwlearn.toml import Table


def message(*needed: str, may: tuple[str, ...] = ()) -> AfterValidator:
    """A template that has the needed {fields}, and perhaps others; "a|b" is one of the two."""
    known = [*(name for names in needed for name in names.split("|")), *may]

    def check(text: str) -> str:
        if not text.strip() or not (text.isascii() and text.isprintable()):
            raise ValueError(f"{text!r} is no message: one line of ASCII")
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}; write {{{{ for a brace that is sent") from None
        used = set()
        for _, name, form, conversion in parts:
            if name is None:
                continue
            if name not in known or form or conversion:
                there = ", ".join(f"{{{one}}}" for one in known) or "none"
                raise ValueError(f"{text!r}: no such field {{{name}}}; there are {there}, without a format")
            used.add(name)
        for names in needed:
            if not used & set(names.split("|")):
                raise ValueError(f"{text!r} lacks {' or '.join(f'{{{name}}}' for name in names.split('|'))}")
        return text

    return AfterValidator(check)


Of_channel = Annotated[str, message(may=("channel",))]
"""Of one channel, which an instrument that has only one need not name."""


class SourceLines(Table):
    """Role drive; all once per channel.

    Attributes:
        set: {volts}. ask: answers the volts that are set.
        on: sent with `set`. off: makes a channel safe, after 0 V. off_ask: answers 0 once it is off.
    """

    set: Annotated[str, message("volts", may=("channel",))]
    ask: Of_channel
    on: Of_channel | None = None
    off: Of_channel | None = None
    off_ask: Of_channel | None = None

    @model_validator(mode="after")
    def _switch(self) -> SourceLines:
        if len({line is None for line in (self.on, self.off, self.off_ask)}) > 1:
            raise ValueError("on, off and off_ask belong together: give all three, or none")
        return self


class ScannerLines(Table):
    """Role sense.

    Attributes:
        select: once with {channels}, "101,102", or once per {channel}; {volts} range, {nplc}, {high_z} ON or OFF, {delay} [s].
        scan: answers one number per channel; with {channel}, it is sent once for each and answers one number.
    """

    select: Annotated[str, message(may=("channel", "channels", "volts", "nplc", "high_z", "delay"))]
    scan: Annotated[str, message(may=("channel", "channels"))]


class BoxLines(Table):
    """Role program.

    Attributes:
        count: of resistors, from 0. top: largest code.
        set: once with {codes}, "1,2,3", or once per resistor with {channel} and {code}.
        ask: answers all codes; with {channel}, it is sent once for each and answers one code.
        open: opens all. open_ask: answers 0 while they are connected, another integer while they are open.
        watchdog: {seconds}; 0 is off.
    """

    count: PositiveInt
    top: PositiveInt
    set: Annotated[str, message("codes|code", may=("channel",))]
    ask: Of_channel
    open: Annotated[str, message()]
    open_ask: Annotated[str, message()]
    watchdog: Annotated[str, message("seconds")] | None = None


class MeterLines(Table):
    """Role nudge; all for one channel.

    Attributes:
        limit: {volts}, {amperes}, {nplc}; sent with the output off at first, and after the instrument was lost.
        inject: {amperes}, output on. hold: {volts}, output on.
        volts_ask, amperes_ask: measure. inject_tripped, hold_tripped: answer an integer, 0 unless the limit acts.
        off: switches the output off. off_ask: answers 0 once it is off. zero: sets its levels to zero, after that.
    """

    limit: Annotated[str, message("volts", "amperes", may=("nplc", "channel"))]
    inject: Annotated[str, message("amperes", may=("channel",))]
    hold: Annotated[str, message("volts", may=("channel",))]
    volts_ask: Of_channel
    amperes_ask: Of_channel
    inject_tripped: Of_channel
    hold_tripped: Of_channel
    off: Of_channel
    off_ask: Of_channel
    zero: Of_channel | None = None


class ThermometerLines(Table):
    """Role temperature.

    Attributes:
        ask: answers one number [°C].
    """

    ask: Of_channel


class ScpiLines(Table):
    """`[instrument.X.scpi]`.

    Attributes:
        errors: asks for an entry of the error queue, and is sent with each message.
        source, scanner, box, meter, thermometer: the roles that the instrument has.
        twin: the driver whose virtual instrument stands in for it on a virtual bench, and understands these lines.
    """

    errors: Annotated[str, message()] = ":SYST:ERR?"
    source: SourceLines | None = None
    scanner: ScannerLines | None = None
    box: BoxLines | None = None
    meter: MeterLines | None = None
    thermometer: ThermometerLines | None = None
    twin: str | None = None

    @model_validator(mode="after")
    def _roles(self) -> ScpiLines:
        if not any((self.source, self.scanner, self.box, self.meter, self.thermometer)):
            raise ValueError("has no role: give it a table source, scanner, box, meter or thermometer")
        if self.source and self.meter:
            raise ValueError("a meter is a source already, which holds its channels: leave source out")
        return self


def each(template: str, fill: Callable[[str], dict[str, str]], channels: tuple[str, ...]) -> tuple[str, int]:
    """(message, answers if it asks): once per channel if the template names one, else once."""
    names = {name for _, name, _, _ in string.Formatter().parse(template)}
    if "channel" not in names:
        return template.format(**fill("")), 1
    return ";".join(template.format(channel=channel, **fill(channel)) for channel in channels), len(channels)
