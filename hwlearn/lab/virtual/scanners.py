"""Virtual scanners: Keysight 34970A family, Keithley 2700, Keithley DAQ6510."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from hwlearn.lab.virtual.model import OVER_RANGE, BenchModel
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument, finite, headers

SHIFTS = headers("VOLT:REF VOLT:REL CALC CALC:SCAL CALC:VOLT:MATH")
"""Modes in which readings are off."""


class VirtualScanner(ScpiInstrument):
    """A scan list of single-ended voltage channels."""

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.channels: tuple[str, ...] = ()
        self.limit: dict[str, float] = {}
        self.high_z: dict[str, bool] = {}
        self.functions: set[str] = set()
        self.triggers = 1
        self.shift = 0.05
        """What a relative mode or a calculation adds to a reading [V]."""
        self._filtered: dict[str, float] = {}

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
        return [_ranged(self._shown(channel, found[channel]), self.limit.get(channel, math.inf)) for channel in wanted]

    def _shown(self, channel: str, volts: float) -> float:
        """A reading as its modes make it: a moving filter of two, a relative mode or a calculation, decibels."""
        before = self._filtered.get(channel, volts)
        self._filtered[channel] = volts
        on = {key for key in self.usual if self.in_mode(key, channel)}
        volts = (volts + before) / 2 if "VOLT:AVER" in on else volts
        volts += self.shift if on & SHIFTS else 0.0
        return 20 * math.log10(abs(volts) or 1e-9) if "UNIT:VOLT" in on else volts

    def scans(self) -> list[float]:
        """As many passes as were asked for, one after the other [V]."""
        return [value for _ in range(self.triggers) for value in self.scan()]

    def ranged(self, command: Command, text: str) -> None:
        """Set the range of the command's channels; AUTO, MAX and DEF take any voltage."""
        limit = math.inf if text.upper() in ("AUTO", "MAX", "DEF") else 1.2 * _full_scale(finite(text))
        self.limit.update(dict.fromkeys(command.channels or self.channels, limit))


def _full_scale(volts: float) -> float:
    if abs(volts) > 300:
        raise ScpiError(-222, "Data out of range")
    return next(scale for scale in (0.1, 1.0, 10.0, 100.0, 300.0) if abs(volts) <= scale)


def _ranged(value: float, limit: float) -> float:
    return value if abs(value) <= limit else math.copysign(OVER_RANGE, value)


def _whole(number: float) -> int:
    if not (number >= 1 and number == int(number)):
        raise ScpiError(-222, "Data out of range")
    return int(number)


def _reading(value: float) -> str:
    return f"{value:+.14E}"


class Virtual34970A(VirtualScanner):
    """34970A, 34972A, 34980A, DAQ970A: CONF, ROUT:SCAN, READ?. CONF forgets the high impedance, as the real one."""

    identity = "HWLEARN,34970A,0,1.0"
    usual: Mapping[str, str] = MappingProxyType({"CALC:SCAL": "0", "STAT:OPER:COND": "0"})
    no_error = '+0,"No error"'
    ignored = headers(
        "ABOR FORM:READ:TIME FORM:READ:UNIT FORM:READ:ALAR TRIG:SOUR TRIG:TIM ROUT:CHAN:DEL ROUT:CHAN:DEL:AUTO "
        "SENS:ZERO:AUTO ZERO:AUTO SENS:VOLT:DC:NPLC VOLT:DC:NPLC VOLT:NPLC SENS:VOLT:NPLC VOLT:DC:RES SENS:VOLT:DC:RES "
        "VOLT:ZERO:AUTO SENS:VOLT:ZERO:AUTO VOLT:DC:ZERO:AUTO SENS:VOLT:DC:ZERO:AUTO"
    )

    def command(self, command: Command) -> str | None:
        header = command.header.removeprefix("SENS:")
        if header == "CONF:VOLT:DC":
            if not command.channels:
                raise ScpiError(-109, "Missing parameter")
            self.channels = command.channels
            self.high_z.update(dict.fromkeys(command.channels, False))
            self.ranged(command, command.arguments[0] if command.arguments else "AUTO")
        elif header == "ROUT:SCAN":
            self.channels = command.channels
        elif header == "ROUT:SCAN?":
            text = f"(@{','.join(self.channels)})"
            return f"#{len(str(len(text)))}{len(text)}{text}"
        elif header == "ROUT:SCAN:SIZE?":
            return f"+{len(self.channels)}"
        elif header == "TRIG:COUN":
            self.triggers = _whole(command.number)
        elif header == "FORM:READ:CHAN":
            if command.flag:
                raise ScpiError(-224, "Illegal parameter value: the virtual scanner sends readings only")
        elif header in ("INP:IMP:AUTO", "VOLT:IMP:AUTO", "VOLT:DC:IMP:AUTO"):
            self.high_z.update(dict.fromkeys(command.channels or self.channels, command.flag))
        elif header in ("VOLT:DC:RANG", "VOLT:RANG"):
            self.ranged(command, command.arguments[0])
        elif header == "READ?":
            return ",".join(map(_reading, self.scans()))
        elif header == "MEAS:VOLT:DC?":
            return ",".join(map(_reading, self.scan(command.channels)))
        else:
            return super().command(command)
        return None


class Virtual34980A(Virtual34970A):
    """As the 34970A."""

    identity = "HWLEARN,34980A,0,1.0"


class VirtualDaq970A(Virtual34970A):
    """As the 34970A."""

    identity = "HWLEARN,DAQ970A,0,1.0"


class Virtual2700(VirtualScanner):
    """2700, 2701, 2750. READ? gives SAMP:COUN readings, each with unit and time unless FORM:ELEM is READ."""

    identity = "HWLEARN,MODEL 2700,0,1.0"
    usual = MappingProxyType({"VOLT:REF": "0", "VOLT:AVER": "0", "CALC": "0", "UNIT:VOLT": "V", "SYST:FRSW": "0"})
    drops_rest = True
    ignored = headers(
        "TRAC:CLE TRAC:CLE:AUTO INIT:CONT TRIG:SOUR TRIG:DEL TRIG:DEL:AUTO ABOR ROUT:SCAN:TSO ROUT:OPEN:ALL SYST:AZER "
        "SYST:AZER:STAT VOLT:NPLC VOLT:DC:NPLC VOLT:AVER VOLT:AVER:STAT VOLT:DC:AVER:STAT VOLT:DIG VOLT:DC:DIG"
    )
    samples, internal = 1, False
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
        elif header == "SAMP:COUN":
            self.samples = int(command.number)
        elif header == "TRIG:COUN":
            self.triggers = _whole(command.number)
        elif header == "ROUT:SCAN":
            self.channels = command.channels
        elif header == "ROUT:SCAN?":
            return f"(@{','.join(self.channels)})"
        elif header == "ROUT:SCAN:LSEL":
            self.internal = command.word == "INT"
        elif header == "READ?":
            return self._read()
        elif header in self.ignored or command.header in self.ignored:
            return None
        else:
            return super().command(command)
        return None

    def _read(self) -> str:
        if not self.internal:
            raise ScpiError(-221, "Settings conflict: no scan is selected")
        if self.samples != len(self.channels):
            raise ScpiError(-221, f"Settings conflict: {self.samples} samples of {len(self.channels)} channels")
        values = self.scans()
        if self.elements == ("READ",):
            return ",".join(map(_reading, values))
        return ",".join(f"{_reading(value)}VDC,+0.000SECS,+00000RDNG#" for value in values)


class VirtualDaq6510(VirtualScanner):
    """DAQ6510: a scan fills the buffer, TRAC:DATA? empties nothing."""

    identity = "HWLEARN,MODEL DAQ6510,0,1.0"
    usual = MappingProxyType({"VOLT:REL": "0", "VOLT:AVER": "0", "CALC:VOLT:MATH": "0", "ROUT:TERM": "REAR"})
    drops_rest = True
    ignored = headers(
        "TRAC:POIN ABOR AZER:ONCE VOLT:NPLC VOLT:AZER VOLT:AZER:STAT VOLT:AVER VOLT:AVER:STAT VOLT:DEL:AUTO ROUT:DEL "
        "ROUT:SCAN:INT ROUT:SCAN:MEAS:INT ROUT:SCAN:BUFF FORM FORM:DATA FORM:ASC:PREC VOLT:LINE:SYNC "
        "ROUT:OPEN:ALL ROUT:OPEN DISP:SCR VOLT:RANG:AUTO"
    )

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.buffer: list[float] = []

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
        elif header == "ROUT:SCAN:COUN:SCAN":
            self.triggers = _whole(command.number)
        elif header in ("ROUT:SCAN:CRE", "ROUT:SCAN"):
            self.channels = command.channels
        elif header in ("ROUT:SCAN:CRE?", "ROUT:SCAN?"):
            return f"(@{','.join(self.channels)})"
        elif header == "TRAC:CLE":
            self.buffer = []
        elif header == "INIT":
            missing = [channel for channel in self.channels if channel not in self.functions]
            if missing:
                raise ScpiError(5073, f"Channel {missing[0]} is not configured")
            self.buffer += self.scans()
        elif header == "TRAC:ACT?":
            return str(len(self.buffer))
        elif header == "TRAC:DATA?":
            return self._data(command)
        elif header == "READ?":
            return _reading(self.scan(self.channels)[-1])
        elif header in self.ignored:
            return None
        else:
            return super().command(command)
        return None

    def _data(self, command: Command) -> str:
        first, last = int(finite(command.arguments[0])), int(finite(command.arguments[1]))
        if not 1 <= first <= last <= len(self.buffer):
            raise ScpiError(-222, "Parameter data out of range")
        return ",".join(map(_reading, self.buffer[first - 1 : last]))
