"""Virtual scanners: what all have, and the Keysight 34970A family."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from hwlearn.lab.virtual.model import OVER_RANGE, BenchModel
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument, finite, headers

SHIFTS = headers("CALC CALC:SCAL CALC:VOLT:MATH")
"""Modes in which readings are calculated with."""


class VirtualScanner(ScpiInstrument):
    """A scan list of single-ended voltage channels.

    Attributes:
        remembers: a channel that is read sooner than its maker's automatic delay allows still shows the one before it.
        automatic: that delay [s]; `settles` is the time constant with which the channel before is forgotten [s].
        delays: forced delay of a channel [s]; others have the automatic one.
        told: (header, channel) → what was set; "" for the channel of settings that have none.
        shortest, longest: integration time in power line cycles.
    """

    remembers = True
    automatic, settles = 2e-3, 50e-6
    shortest, longest = 0.02, 200.0

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.channels: tuple[str, ...] = ()
        self.limit: dict[str, float] = {}
        self.high_z: dict[str, bool] = {}
        self.functions: set[str] = set()
        self.triggers = 1
        self.shift = 0.05
        """What a calculation adds to a reading [V]."""
        self.delays: dict[str, float] = {}
        self.told: dict[tuple[str, str], str] = {}
        self._last = 0.0

    def keep(self, command: Command) -> None:
        """Keep a setting that shows in readings only."""
        value = (command.arguments or ("",))[0].upper()
        self.told.update({(command.header.removeprefix("SENS:"), channel): value for channel in command.channels or ("",)})

    def has(self, header: str, channel: str = "") -> bool:
        """Whether a switch was left on, for a channel or for all."""
        return any(self.told.get((header, key), "0") in ("1", "ON") for key in (channel, ""))

    def integrates(self, command: Command) -> None:
        """Refuse an integration time that the instrument does not have."""
        if not self.shortest <= command.number <= self.longest:
            raise ScpiError(-222, "Data out of range")

    def scan(self, channels: tuple[str, ...] | None = None) -> list[float]:
        """One pass over the list [V]."""
        wanted = self.channels if channels is None else channels
        if not wanted:
            raise ScpiError(-221, "Settings conflict: the scan list is empty")
        if self.faults.over():
            return [OVER_RANGE] * len(wanted)
        found: dict[str, float] = {}
        for high_z in (False, True):
            some = [channel for channel in wanted if self.high_z.get(channel, False) == high_z]
            read = self.model.read([self.place(channel) for channel in some], high_z=high_z)
            found.update(zip(some, read.tolist(), strict=True))
        return [self.shown(channel, self._settled(channel, found[channel])) for channel in wanted]

    def _settled(self, channel: str, value: float) -> float:
        before, self._last = self._last, value
        if not self.remembers:
            return value
        return value + (before - value) * math.exp(-self.delays.get(channel, self.automatic) / self.settles)

    def shown(self, channel: str, value: float) -> float:
        """What a channel's settings make of its voltage."""
        calculated = any(self.in_mode(key, channel) for key in SHIFTS & self.usual.keys())
        value += self.shift if calculated else 0.0
        return _ranged(value, self.limit.get(channel, math.inf))

    def scans(self) -> list[float]:
        """As many passes as were asked for, one after the other [V]."""
        return [value for _ in range(self.triggers) for value in self.scan()]

    def ranged(self, command: Command, text: str) -> None:
        """Set the range of the command's channels; AUTO, MAX and DEF take any voltage."""
        limit = math.inf if text.upper() in ("AUTO", "MAX", "DEF") else 1.2 * _full_scale(finite(text))
        self.limit.update(dict.fromkeys(command.channels or self.channels, limit))

    def delayed(self, command: Command) -> None:
        """Force a delay on the command's channels [s]."""
        self.delays.update(dict.fromkeys(command.channels or self.channels, command.number))


def _full_scale(volts: float) -> float:
    if abs(volts) > 300:
        raise ScpiError(-222, "Data out of range")
    return next(scale for scale in (0.1, 1.0, 10.0, 100.0, 300.0) if abs(volts) <= scale)


def _ranged(value: float, limit: float) -> float:
    return value if abs(value) <= limit else math.copysign(OVER_RANGE, value)


def whole(number: float) -> int:
    """A count."""
    if not (number >= 1 and number == int(number)):
        raise ScpiError(-222, "Data out of range")
    return int(number)


def written(value: float) -> str:
    """A reading as instruments write it."""
    return f"{value:+.14E}"


class Virtual34970A(VirtualScanner):
    """34970A, 34972A, 34980A, DAQ970A: CONF, ROUT:SCAN, READ?. CONF forgets delay and high impedance, as the real one.

    Attributes:
        refuses_during_scan: nothing may be set while a scan goes on: after INIT with a trigger that is still to come or has no
            end, and after READ? whose answer nobody waited for. ABOR ends it.
        impedance: the header that this member of the family has.
        busy: a scan goes on.
    """

    identity = "HWLEARN,34970A,0,1.0"
    usual: Mapping[str, str] = MappingProxyType({"CALC:SCAL": "0"})
    no_error = '+0,"No error"'
    ignored = headers(
        "TRIG:TIM SENS:ZERO:AUTO ZERO:AUTO VOLT:DC:RES SENS:VOLT:DC:RES "
        "VOLT:ZERO:AUTO SENS:VOLT:ZERO:AUTO VOLT:DC:ZERO:AUTO SENS:VOLT:DC:ZERO:AUTO"
    )
    refuses_during_scan = True
    impedance = "INP:IMP:AUTO"
    busy = False
    _trigger, _endless = "IMM", False

    def unheard(self) -> None:
        self.busy = "READ?" in self.lines[-1]

    def command(self, command: Command) -> str | None:
        header = command.header.removeprefix("SENS:")
        if header == "ABOR":
            self.busy = False
            return None
        if self.busy and self.refuses_during_scan and (header == "READ?" or not header.endswith("?")):
            raise ScpiError(-221, "Settings conflict: a scan is in progress")
        if header == "STAT:OPER:COND?":
            return f"+{16 * self.busy}"
        if header == "INIT":
            self.busy = self._trigger != "IMM" or self._endless
        elif header == "TRIG:SOUR":
            self._trigger = command.word
        elif header == "CONF:VOLT:DC":
            if not command.channels:
                raise ScpiError(-109, "Missing parameter")
            self.channels = command.channels
            for channel in command.channels:
                self.high_z[channel] = False
                self.delays.pop(channel, None)
            self.ranged(command, command.arguments[0] if command.arguments else "AUTO")
        elif header == "ROUT:SCAN":
            self.channels = command.channels
        elif header == "ROUT:SCAN?":
            text = f"(@{','.join(self.channels)})"
            return f"#{len(str(len(text)))}{len(text)}{text}"
        elif header == "ROUT:SCAN:SIZE?":
            return f"+{len(self.channels)}"
        elif header == "TRIG:COUN":
            self._endless = command.word.startswith("INF")
            self.triggers = 1 if self._endless else whole(command.number)
        elif header in ("FORM:READ:CHAN", "FORM:READ:TIME", "FORM:READ:UNIT", "FORM:READ:ALAR"):
            self.keep(command)
        elif header == self.impedance:
            self.high_z.update(dict.fromkeys(command.channels or self.channels, command.flag))
        elif header in ("VOLT:DC:NPLC", "VOLT:NPLC"):
            self.integrates(command)
        elif header == "ROUT:CHAN:DEL":
            self.delayed(command)
        elif header == "ROUT:CHAN:DEL:AUTO":
            for channel in command.channels or self.channels if command.flag else ():
                self.delays.pop(channel, None)
        elif header in ("VOLT:DC:RANG", "VOLT:RANG"):
            self.ranged(command, command.arguments[0])
        elif header == "READ?":
            if self._trigger != "IMM" or self._endless:
                raise ScpiError(-214, "Trigger deadlock")
            return ",".join(map(self._elements, self._order(), self.scans()))
        elif header == "MEAS:VOLT:DC?":
            return ",".join(map(written, self.scan(command.channels)))
        else:
            return super().command(command)
        return None

    def _order(self) -> tuple[str, ...]:
        return self.channels * self.triggers

    def _elements(self, channel: str, value: float) -> str:
        """A reading, with unit, time, channel and alarm if they were left on."""
        rest = {"TIME": "+000000000.000", "CHAN": channel, "ALAR": "0"}
        unit = " VDC" if self.has("FORM:READ:UNIT") else ""
        return ",".join([written(value) + unit, *(text for key, text in rest.items() if self.has(f"FORM:READ:{key}"))])


class Virtual34980A(Virtual34970A):
    """As the 34970A."""

    identity = "HWLEARN,34980A,0,1.0"
    impedance = "VOLT:IMP:AUTO"


class VirtualDaq970A(Virtual34970A):
    """As the 34970A."""

    identity = "HWLEARN,DAQ970A,0,1.0"
    impedance = "VOLT:DC:IMP:AUTO"
