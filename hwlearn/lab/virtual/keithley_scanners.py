"""Virtual scanners of Keithley: 2700, DAQ6510."""

from __future__ import annotations

import math
from types import MappingProxyType

from hwlearn.lab.virtual.model import BenchModel
from hwlearn.lab.virtual.scanners import VirtualScanner, whole, written
from hwlearn.lab.virtual.scpi import Command, ScpiError, finite, headers


class KeithleyScanner(VirtualScanner):
    """Relative, filter and unit of a channel stay as somebody left them.

    Attributes:
        keeps_math: they do; where not, readings are volts whatever was set.
        relative: header of the relative value's switch, "REF" or "REL". unit: header of the unit.
    """

    drops_rest = True
    keeps_math = True
    relative, unit = "REF", "UNIT:VOLT"
    _filtered = 0.0

    def shown(self, channel: str, value: float) -> float:
        if not self.keeps_math:
            return super().shown(channel, value)
        if self.in_mode(f"VOLT:{self.relative}:STAT", channel):
            value -= float(
                self.told.get((f"VOLT:{self.relative}", channel), self.told.get((f"VOLT:{self.relative}", ""), "0"))
            )
        if self.in_mode("VOLT:AVER", channel):  # a moving filter runs over from channel to channel
            value = self._filtered = (value + self._filtered) / 2
        if self.in_mode(self.unit, channel):
            value = 20 * math.log10(max(abs(value), 1e-12))
        return super().shown(channel, value)


class Virtual2700(KeithleyScanner):
    """2700, 2701, 2750. READ? gives SAMP:COUN readings, each with unit and time unless FORM:ELEM is READ.

    Attributes:
        overwrites: each trigger fills the buffer anew, so that READ? gives the samples of the last one (2750 manual, D-13).
        needs_two: a scan list of one channel is a settings conflict.
        list_is_fixed: a new list is refused while a scan is selected.
    """

    identity = "HWLEARN,MODEL 2700,0,1.0"
    usual = MappingProxyType({"VOLT:REF:STAT": "0", "VOLT:AVER": "0", "CALC": "0", "UNIT:VOLT": "V", "SYST:FRSW": "0"})
    ignored = headers(
        "TRAC:CLE TRAC:CLE:AUTO INIT:CONT TRIG:SOUR ABOR ROUT:SCAN:TSO ROUT:OPEN:ALL SYST:AZER "
        "SYST:AZER:STAT VOLT:DIG FORM FORM:DATA"
    )
    overwrites = needs_two = list_is_fixed = True
    automatic = 1e-3
    settles = 25e-6
    shortest, longest = 0.01, 60.0
    samples, internal = 1, False
    closed: tuple[str, ...] = ()
    elements: tuple[str, ...] = ("READ", "UNIT", "TST")

    def command(self, command: Command) -> str | None:
        header = command.header.removeprefix("SENS:").replace("VOLT:DC:", "VOLT:")
        if header == "FORM:ELEM":
            self.elements = tuple(word.upper()[:4] for word in command.arguments)
        elif header == "FUNC":
            self.functions.update(command.channels)
        elif header == "VOLT:RANG":
            self.ranged(command, command.arguments[0])
        elif header == "VOLT:RANG:AUTO":
            self.limit.update(dict.fromkeys(command.channels, math.inf))
        elif header in ("VOLT:IDIV", "VOLT:IDIV:STAT"):
            self.high_z.update(dict.fromkeys(command.channels or self.channels, not command.flag))
        elif header == "VOLT:NPLC":
            self.integrates(command)
        elif header == "VOLT:REF":
            self.told.update({(header, channel): command.word for channel in command.channels or ("",)})
        elif header == "TRIG:DEL":
            self._delay(command.number)
        elif header == "TRIG:DEL:AUTO":
            self._delay(None if command.flag else 0.0)
        elif header == "SAMP:COUN":
            self.samples = whole(command.number)
        elif header == "TRIG:COUN":
            self.triggers = whole(command.number)
        elif header == "ROUT:SCAN":
            self._list(command.channels)
        elif header == "ROUT:SCAN?":
            return f"(@{','.join(self.channels)})"
        elif header == "ROUT:SCAN:LSEL":
            self.internal = command.word == "INT"
        elif header == "ROUT:CLOS":
            self.closed = command.channels
        elif header == "READ?":
            return self._read()
        elif header in self.ignored or command.header in self.ignored:
            return None
        else:
            return super().command(command)
        return None

    def _delay(self, seconds: float | None) -> None:
        self.automatic = type(self).automatic if seconds is None else seconds

    def _list(self, channels: tuple[str, ...]) -> None:
        if self.needs_two and len(channels) < 2:
            raise ScpiError(-221, "Settings conflict: a scan has two channels or more")
        if self.list_is_fixed and self.internal:
            raise ScpiError(-221, "Settings conflict: a scan is selected")
        self.channels = channels

    def _read(self) -> str:
        channels = self.channels if self.internal else self.closed[:1]
        values: list[float] = []
        for _ in range(self.triggers):
            values = [] if self.overwrites else values
            passes = -(-self.samples // max(len(channels), 1))
            values += [value for _ in range(passes) for value in self.scan(channels)][: self.samples]
        if self.elements == ("READ",):
            return ",".join(map(written, values))
        return ",".join(f"{written(value)}VDC,+0.000SECS,+00000RDNG#" for value in values)


class VirtualDaq6510(KeithleyScanner):
    """DAQ6510: a scan fills the buffer, TRAC:DATA? empties nothing.

    Attributes:
        language: what its menu was left at; in another one it answers `*IDN?` and `*LANG?` only.
        buffer_is_finite: the buffer keeps as many readings as TRAC:POIN says, the last ones.
    """

    identity = "HWLEARN,MODEL DAQ6510,0,1.0"
    usual = MappingProxyType(
        {"VOLT:REL:STAT": "0", "VOLT:AVER": "0", "CALC:VOLT:MATH": "0", "VOLT:UNIT": "VOLT", "ROUT:TERM": "REAR"}
    )
    ignored = headers(
        "ABOR AZER:ONCE VOLT:AVER:COUN VOLT:AVER:TCON ROUT:SCAN:INT ROUT:SCAN:MEAS:INT FORM VOLT:LINE:SYNC "
        "DISP:SCR VOLT:RANG:AUTO"
    )
    kept = headers("VOLT:REL VOLT:AZER VOLT:DEL:AUTO FORM:DATA FORM:ASC:PREC ROUT:SCAN:BUFF")
    relative, unit = "REL", "VOLT:UNIT"
    buffer_is_finite = True
    automatic = 1e-3
    settles = 25e-6
    shortest, longest = 0.0005, 15.0
    size = 100_000

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.buffer: list[float] = []
        self.closed: tuple[str, ...] = ()
        """Channels that were connected one by one, which a reading outside a scan is of."""

    def command(self, command: Command) -> str | None:
        header = command.header.removeprefix("SENS:").replace("VOLT:DC:", "VOLT:")
        if header == "*LANG?":
            return self.language
        if header == "FUNC":
            self.functions.update(command.channels)
        elif header == "VOLT:RANG":
            self.ranged(command, command.arguments[0])
        elif header == "VOLT:INP":
            self.high_z.update(dict.fromkeys(command.channels or self.channels, command.word == "AUTO"))
        elif header == "VOLT:NPLC":
            self.integrates(command)
        elif header in self.kept:
            self.told.update({(header, channel): command.word for channel in command.channels or ("",)})
        elif header in ("ROUT:DEL", "ROUT:CHAN:DEL"):
            self.delayed(command)
        elif header == "TRAC:POIN":
            if command.number < 10:
                raise ScpiError(-222, "Parameter data out of range")
            self.size, self.buffer = whole(command.number), []
        elif header == "ROUT:SCAN:COUN:SCAN":
            self.triggers = whole(command.number)
        elif header in ("ROUT:SCAN:CRE", "ROUT:SCAN"):
            self.channels = command.channels
        elif header in ("ROUT:SCAN:CRE?", "ROUT:SCAN?"):
            return f"(@{','.join(self.channels)})"
        elif header == "TRAC:CLE":
            self.buffer = []
        elif header == "INIT":
            self._fill()
        elif header == "TRAC:ACT?":
            return str(len(self.buffer))
        elif header == "TRAC:DATA?":
            return self._data(command)
        elif header == "ROUT:CLOS":
            self.closed = command.channels
        elif header in ("ROUT:OPEN:ALL", "ROUT:OPEN"):
            self.closed = ()
        elif header == "READ?":
            return written(self.scan(self.closed or self.channels)[-1])
        elif header in self.ignored:
            return None
        else:
            return super().command(command)
        return None

    def scan(self, channels: tuple[str, ...] | None = None) -> list[float]:
        forced = {channel for channel in self.channels if self.told.get(("VOLT:DEL:AUTO", channel), "ON") in ("0", "OFF")}
        added, own = dict(self.delays), {channel: 0.0 if channel in forced else self.automatic for channel in self.channels}
        self.delays = {channel: own[channel] + added.get(channel, 0.0) for channel in self.channels}
        values = super().scan(channels)
        self.delays = added
        return values

    def shown(self, channel: str, value: float) -> float:
        zero = self.told.get(("VOLT:AZER", channel), "ON") in ("1", "ON") or not self.keeps_math
        return super().shown(channel, value if zero else value + 1e-4)  # the zero has drifted since somebody took it

    def _fill(self) -> None:
        missing = [channel for channel in self.channels if channel not in self.functions]
        if missing:
            raise ScpiError(5073, f"Channel {missing[0]} is not configured")
        readings = self.scans()
        if self.told.get(("ROUT:SCAN:BUFF", ""), "DEFBUFFER1") == "DEFBUFFER1":
            self.buffer += readings
        if self.buffer_is_finite:
            self.buffer = self.buffer[-self.size :]

    def _data(self, command: Command) -> str:
        first, last = int(finite(command.arguments[0])), int(finite(command.arguments[1]))
        if not 1 <= first <= last <= len(self.buffer):
            raise ScpiError(-222, "Parameter data out of range")
        if self.told.get(("FORM:DATA", ""), "ASC")[:3] != "ASC":
            return "#0" + "\x00\x7f" * (last - first + 1)
        digits = int(self.told.get(("FORM:ASC:PREC", ""), "0"))
        values = self.buffer[first - 1 : last]
        return ",".join(f"{value:+.{digits - 1}E}" for value in values) if digits else ",".join(map(written, values))

    def answer(self, line: str) -> str | None:
        if self.language == "SCPI" or line.strip() in ("*IDN?", "*LANG?"):
            return super().answer(line)
        self.lines = [*self.lines[-99:], line]
        return None
