"""`[instrument.X.qcodes]` and its like: which driver of somebody else, and what it is told, one table for each role."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from hwlearn.lab.instruments.foreign.steps import asks, parsed
from hwlearn.lab.instruments.scpi.templates import message
from hwlearn.toml import Table

VALUE = bool | int | float | str | list[bool | int | float | str]
"""What a constructor is given."""


def told(*needed: str, may: tuple[str, ...] = ()) -> AfterValidator:
    """Steps that have the needed {fields}, and perhaps others."""
    return _checked(message(*needed, may=(*may, "channel")), answers=False)


def asked(*may: str) -> AfterValidator:
    """Steps of which the last one gives a value."""
    return _checked(message(may=may), answers=True)


def _checked(line: AfterValidator, *, answers: bool) -> AfterValidator:
    def check(text: str) -> str:
        filled = _tried(line.func(text))  # type: ignore[call-arg]
        if answers and not asks(filled):
            raise ValueError(f"{text!r} gives no value: end it with what is read")
        return text

    return AfterValidator(check)


def _tried(text: str) -> str:
    """The steps with something in each field: a channel is part of a name, or a number.

    Raises:
        ValueError: they are none.
    """
    fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    filled = text.format(**{**dict.fromkeys(fields, "1"), "channel": "1"})
    try:
        parsed(filled)
    except ValueError:
        filled = text.format(**{**dict.fromkeys(fields, "1"), "channel": "x"})
        parsed(filled)
    return filled


def _question(text: str) -> str:
    if "?" not in text or ";" in text:
        raise ValueError(f"{text!r} is not one question, such as :OUTP?")
    return text


Question = Annotated[str, message(), AfterValidator(_question)]
"""One question of the instrument's own language."""

Of_channel = Annotated[str, asked("channel")]
"""Of one channel, which an instrument that has only one need not name."""


class SourceSteps(Table):
    """Role drive; all once per channel.

    Attributes:
        set: {volts}. ask: gives the volts that are set.
        on: done after `set`. off: makes a channel safe, after 0 V. off_ask: gives False, 0 or "off" once it is off.
    """

    set: Annotated[str, told("volts")]
    ask: Of_channel
    on: Annotated[str, told()] | None = None
    off: Annotated[str, told()] | None = None
    off_ask: Of_channel | None = None

    @model_validator(mode="after")
    def _switch(self) -> Self:
        if len({steps is None for steps in (self.on, self.off, self.off_ask)}) > 1:
            raise ValueError("on, off and off_ask belong together: give all three, or none")
        return self


class ScannerSteps(Table):
    """Role sense.

    Attributes:
        select: once for all channels, or once per {channel}; {volts} range, {nplc}, {high_z} True or False, {delay} [s].
        scan: with {channel}, done once for each, gives volts; without, gives one number for each channel, in ascending order.
    """

    select: Annotated[str, told(may=("volts", "nplc", "high_z", "delay"))]
    scan: Of_channel


class BoxSteps(Table):
    """Role program.

    Attributes:
        count: of resistors, from 0. top: largest code.
        set: once with {codes}, [1, 2, 3], or once per resistor with {channel} and {code}.
        ask: gives all codes; with {channel}, it is done once for each and gives one code.
        open: opens all. open_ask: gives False, 0 or "off" while they are connected.
        watchdog: {seconds}; 0 is off.
    """

    count: PositiveInt
    top: PositiveInt
    set: Annotated[str, told("codes|code")]
    ask: Of_channel
    open: Annotated[str, told()]
    open_ask: Annotated[str, asked()]
    watchdog: Annotated[str, told("seconds")] | None = None


class MeterSteps(Table):
    """Role nudge; all for one channel.

    Attributes:
        limit: {volts}, {amperes}, {nplc}; done with the output off at first.
        inject: {amperes}, output on. hold: {volts}, output on.
        volts_ask, amperes_ask: measure. inject_tripped, hold_tripped: give True, 1 or "on" if the limit acts; without them, it
            acts when 99 % of it are measured.
        off: switches the output off. off_ask: gives False, 0 or "off" once it is off. zero: sets its levels to zero then.
    """

    limit: Annotated[str, told("volts", "amperes", may=("nplc",))]
    inject: Annotated[str, told("amperes")]
    hold: Annotated[str, told("volts")]
    volts_ask: Of_channel
    amperes_ask: Of_channel
    inject_tripped: Of_channel | None = None
    hold_tripped: Of_channel | None = None
    off: Annotated[str, told()]
    off_ask: Of_channel
    zero: Annotated[str, told()] | None = None


class ThermometerSteps(Table):
    """Role temperature.

    Attributes:
        ask: gives the temperature of one channel. unit: of it, "C" or "K".
    """

    ask: Of_channel
    unit: Literal["C", "K"] = "C"


class Steps(Table):
    """`[instrument.X.qcodes]`, and the tables of other libraries.

    Attributes:
        class: of the driver, "qcodes.instrument_drivers.Keithley.Keithley2450"; one that does not come with the library, from
            a package or from a file beside the station, is code and needs --trust-station.
        arguments: of its constructor, beside name and address. Text among them needs --trust-station.
        watch: SCPI questions that are asked before the driver is made and afterwards: what its constructor changed is told.
        errors: SCPI question for an entry of the error queue, which is asked after each action.
        source, scanner, box, meter, thermometer: the roles that the instrument has.
        twin: the hwlearn driver whose virtual instrument answers this one on a virtual bench, where it is needed.
    """

    class_: Annotated[str, Field(pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)+$")] | None = Field(default=None, alias="class")
    arguments: dict[str, VALUE] = Field(default_factory=dict)
    watch: list[Question] = Field(default_factory=list)
    errors: Question | None = None
    source: SourceSteps | None = None
    scanner: ScannerSteps | None = None
    box: BoxSteps | None = None
    meter: MeterSteps | None = None
    thermometer: ThermometerSteps | None = None
    twin: str | None = None

    @model_validator(mode="after")
    def _roles(self) -> Self:
        if not any((self.source, self.scanner, self.box, self.meter, self.thermometer)):
            raise ValueError("has no role: give it a table source, scanner, box, meter or thermometer")
        if self.source and self.meter:
            raise ValueError("a meter is a source already, which holds its channels: leave source out")
        return self

    def steps(self) -> Iterator[str]:
        """All steps, each with something in its fields."""
        for role in (self.source, self.scanner, self.box, self.meter, self.thermometer):
            for key, value in dict(role or ()).items():
                if isinstance(value, str) and key != "unit":
                    yield _tried(value)


class QcodesSteps(Steps):
    """`[instrument.X.qcodes]`, see `hwlearn.lab.instruments.foreign.tables.Steps`.

    Attributes:
        station: a station file of QCoDeS (YAML), relative to this one, instead of `class`; it names code: --trust-station.
        name: of the instrument in that file, if it has another one there.
    """

    station: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.class_ is None) == (self.station is None):
            raise ValueError("give either class, or station")
        if self.name is not None and self.station is None:
            raise ValueError("name is that of an instrument in the file station; leave it out")
        return self


class PymeasureSteps(Steps):
    """`[instrument.X.pymeasure]`, see `hwlearn.lab.instruments.foreign.tables.Steps`."""

    @model_validator(mode="after")
    def _has_a_class(self) -> Self:
        if self.class_ is None:
            raise ValueError("class is missing")
        return self


class OphydAsyncSteps(PymeasureSteps):
    """`[instrument.X.ophyd_async]`, see `hwlearn.lab.instruments.foreign.tables.Steps`.

    Attributes:
        mock: connect to ophyd-async's mock backend, to try the steps.
    """

    mock: bool = False


class NidaqmxTable(Table):
    """`[instrument.X.nidaqmx]`: a card of National Instruments; `resource` is its device name, "Dev1".

    Attributes:
        terminal: how inputs are wired: each against a terminal of its own, against the card's ground, against a common one.
        rate_hz: samples per second of each input; a reading is their mean over `nplc` power line cycles.
        min_v, max_v: of the outputs [V].
        thermocouple: type of those that say temperatures, as `celsius = "card:ai5"`; their cold junction is the card's.
    """

    terminal: Literal["differential", "rse", "nrse", "pseudodifferential"] = "differential"
    rate_hz: PositiveFloat = 1000.0
    min_v: float = -10.0
    max_v: float = 10.0
    thermocouple: Literal["B", "E", "J", "K", "N", "R", "S", "T"] = "K"

    @model_validator(mode="after")
    def _has_zero(self) -> Self:
        if not self.min_v <= 0 < self.max_v:
            raise ValueError("0 V, which is safe, must be within min_v and max_v")
        return self
