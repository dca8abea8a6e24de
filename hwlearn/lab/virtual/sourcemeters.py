"""Virtual source meters: Keithley 2400 and 2450, Keysight B2900. What somebody left them in shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from hwlearn.lab.virtual.model import OVER_RANGE, BenchModel
from hwlearn.lab.virtual.ports import OPEN, Mode, PortDrive
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument, headers, short

NOT_MEASURED = 9.91e37


@dataclass
class Channel:
    """The settings of one channel: levels and limits of both functions."""

    mode: Mode = "voltage"
    volts: float = 0.0
    amperes: float = 0.0
    v_limit: float = 2.0
    i_limit: float = 1e-4
    on: bool = False
    sense: str = "CURR"

    def drive(self) -> PortDrive:
        """What the channel does to its port; off is open (high impedance)."""
        if not self.on:
            return OPEN
        level = self.volts if self.mode == "voltage" else self.amperes
        return PortDrive(self.mode, level, self.v_limit, self.i_limit)


class VirtualSourceMeter(ScpiInstrument):
    """Source a current or a voltage within limits, measure both; two leads at its front terminals, none for sensing.

    Attributes:
        limits: header of a limit → attribute of `Channel`.
        keeps_settings: ranges, triggers, filter, relative, formats, remote sensing, terminals and automatic output-off are as
            somebody left them; where not, none of them shows.
        shortest, longest: integration time in power line cycles.
        told: (header, channel) → what was set.
    """

    limits: Mapping[str, str] = MappingProxyType({})
    keeps_settings = True
    shortest, longest = 0.01, 10.0
    remote: tuple[str, ...] = ()
    clearing = ""
    averaging: tuple[str, ...] = ()

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.channels: dict[str, Channel] = {}
        self.told: dict[tuple[str, str], str] = {}
        self._before = (0.0, 0.0)

    def left(self, header: str, channel: str = "1", default: str = "OFF") -> str:
        """What a channel was told last."""
        return self.told.get((header, channel), default) if self.keeps_settings else default

    def is_on(self, header: str, channel: str = "1") -> bool:
        """Whether a switch of a channel was left on."""
        return self.left(header, channel) in ("1", "ON")

    def channel(self, command: Command) -> str:
        """The channel that a command is for: its list, its suffix, else 1."""
        return command.channels[0] if command.channels else str(command.suffixes[0]) if command.suffixes else "1"

    def measured(self, channel: str) -> tuple[float, float, bool]:
        """(V, A, in compliance)."""
        state = self.channels.setdefault(channel, Channel())
        volts, amperes, tripped = self.model.read_meter(self._wired(channel), state.drive())
        return 0.0 if any(self.is_on(key, channel) for key in self.remote) else volts, amperes, tripped

    def shown(self, channel: str) -> tuple[float, float, bool]:
        """What it says that it measured: through its ranges, filter and relative values."""
        volts, amperes, tripped = self.measured(channel)
        found = []
        for word, value, before in zip(("VOLT", "CURR"), (volts, amperes), self._before, strict=True):
            filters = (key for key in self.averaging if word in key or key == "SENS:AVER")
            filtered = any(self.is_on(key, channel) for key in filters)
            shown = (value + before) / 2 if filtered else value
            if self.is_on(f"SENS:{word}:REL:STAT", channel):
                shown -= float(self.left(f"SENS:{word}:REL", channel, "0"))
            most = float(self.left(f"SENS:{word}:RANG", channel, "inf"))
            found.append(shown if abs(shown) <= 1.05 * most else math.copysign(OVER_RANGE, shown))
        self._before = volts, amperes
        if self.clearing and self.is_on(self.clearing, channel):
            self.channels[channel].on = False
            self._drive(channel)
        return found[0], found[1], tripped

    def answers(self, channel: str, values: str) -> str:
        """`values` as often as it is triggered, in the format that it was left in."""
        if self.left("FORM:DATA", default="ASC")[:3] != "ASC":
            return "#0" + "\x00\x7f" * len(values)
        counts = [self.left(key, channel, "1") for key in ("TRIG:COUN", "ARM:COUN")]
        if not all(count.isdigit() for count in counts):
            raise ScpiError(-214, "Trigger deadlock")
        count = int(counts[0]) * int(counts[1])
        return ",".join([values] * count)

    def _wired(self, channel: str) -> str:
        """The terminals that are in use; at the rear ones is nothing."""
        front = self.left("ROUT:TERM", default="FRON").startswith("FRON")
        return self.place(channel if front else f"{channel}.rear")

    def _drive(self, channel: str) -> None:
        state = self.channels[channel]
        mode = "CURR" if state.mode == "current" else "VOLT"
        drive = state.drive()
        if self.left(f"SOUR:{mode}:MODE", channel, "FIX") != "FIX" and drive != OPEN:
            drive = replace(drive, level=0.0)  # a sweep waits for its trigger
        self.model.set_meter(self.place(channel), OPEN)
        self.model.set_meter(self._wired(channel), drive)

    def _set(self, key: str, channel: str, command: Command) -> None:
        """A setting that shows elsewhere; a range that is given is no automatic one."""
        value = (command.arguments or ("",))[0].upper()
        if key.endswith("NPLC") and not self.shortest <= command.number <= self.longest:
            raise ScpiError(-222, "Data out of range")
        if key.endswith("RANG"):
            value = f"{abs(command.number):g}"
        elif key.endswith("RANG:AUTO") and command.flag:
            self.told.pop((key.removesuffix(":AUTO"), channel), None)
        self.told[key, channel] = value
        if key == "ROUT:TERM":
            self.channels[channel].on = False

    def command(self, command: Command) -> str | None:
        header, name = command.header, self.channel(command)
        state = self.channels.setdefault(name, Channel())
        query = header.endswith("?")
        key = header.removesuffix("?").replace("AVER:STAT", "AVER")
        if key in ("SOUR:FUNC", "SOUR:FUNC:MODE"):
            if query:
                return state.mode[:4].upper()
            state.mode = self._mode(command)
        elif key in ("SOUR:CURR", "SOUR:VOLT"):
            attribute = "amperes" if key.endswith("CURR") else "volts"
            if query:
                return f"{getattr(state, attribute):+.14E}"
            if abs(command.number) > float(self.left(f"{key}:RANG", name, "inf")):
                raise ScpiError(-222, "Data out of range")
            setattr(state, attribute, command.number)
        elif key in self.limits:
            if query:
                return f"{getattr(state, self.limits[key]):+.14E}"
            if command.number <= 0:
                raise ScpiError(-222, "Data out of range")
            setattr(state, self.limits[key], command.number)
        elif key in ("OUTP", "OUTP:STAT"):
            if query:
                return str(int(state.on))
            state.on = command.flag
        elif query and key.removesuffix(":TRIP") in self.limits and key.endswith(":TRIP"):
            ours = "v_limit" if state.mode == "current" else "i_limit"
            return str(int(state.on and self.measured(name)[2] and self.limits[key.removesuffix(":TRIP")] == ours))
        elif key in self.ignored and query:
            said = self.told.get((key, name), "FRON" if key == "ROUT:TERM" else "0")
            return {"ON": "1", "OFF": "0"}.get(said, said)
        elif key in self.ignored:
            self._set(key, name, command)
        else:
            return super().command(command)
        self._drive(name)
        return None

    def _mode(self, command: Command) -> Mode:
        if command.word[:4] not in ("CURR", "VOLT"):
            raise ScpiError(-224, "Illegal parameter value")
        return "current" if command.word.startswith("CURR") else "voltage"


_COMMON = headers(
    "SOUR:CURR:RANG SOUR:CURR:RANG:AUTO SOUR:VOLT:RANG SOUR:VOLT:RANG:AUTO SOUR:CURR:MODE SOUR:VOLT:MODE SOUR:DEL "
    "SOUR:DEL:AUTO SOUR:CURR:DEL SOUR:VOLT:DEL SOUR:CURR:DEL:AUTO SOUR:VOLT:DEL:AUTO SENS:VOLT:NPLC SENS:CURR:NPLC "
    "SENS:VOLT:RANG SENS:VOLT:RANG:AUTO SENS:CURR:RANG SENS:CURR:RANG:AUTO SENS:FUNC:CONC SENS:FUNC:OFF "
    "SENS:FUNC:OFF:ALL SYST:RSEN SENS:REM SENS:VOLT:RSEN SENS:CURR:RSEN OUTP:SMOD OUTP:CURR:SMOD OUTP:VOLT:SMOD "
    "OUTP:OFF:MODE SYST:AZER SYST:AZER:STAT SYST:BEEP:STAT SENS:AZER:ONCE AZER:ONCE SENS:VOLT:AZER SENS:CURR:AZER "
    "TRIG:COUN TRIG:SOUR ARM:COUN SOUR:CLE:AUTO ROUT:TERM FORM FORM:DATA SOUR:CURR:READ:BACK SOUR:VOLT:READ:BACK "
    "OUTP:ON:AUTO OUTP:OFF:AUTO OUTP:PROT SENS:VOLT:APER SENS:CURR:APER SENS:VOLT:NPLC:AUTO SENS:CURR:NPLC:AUTO "
    "ABOR FORM:ELEM:SOUR SYST:LFR DISP:ENAB TRAC:CLE SOUR:VOLT:PROT SOUR:CURR:PROT ARM:SOUR SENS:RES:MODE SENS:AVER "
    "SENS:VOLT:AVER SENS:CURR:AVER SENS:VOLT:REL SENS:CURR:REL SENS:VOLT:REL:STAT SENS:CURR:REL:STAT SENS:VOLT:UNIT "
    "CALC:STAT CALC:NULL:STAT CALC:MATH:STAT SENS:CURR:UNIT SENS:COUN FORM:ASC:PREC CALC:VOLT:MATH:STAT CALC:CURR:MATH:STAT "
)


class Virtual2400(VirtualSourceMeter):
    """2400: SENS:VOLT:PROT, FORM:ELEM, READ?, which with the output off is error 803.

    Attributes:
        keeps_ohms: a current cannot be set while it chooses one for ohms by itself.
        off_mode_first: what an output does when it is off cannot be chosen while it is on.
        functions: what it measures; others are `NOT_MEASURED`.
    """

    identity = "HWLEARN,MODEL 2400,0,1.0"
    drops_rest = True
    limits = MappingProxyType({"SENS:VOLT:PROT": "v_limit", "SENS:CURR:PROT": "i_limit"})
    ignored = _COMMON
    elements: tuple[str, ...] = ("VOLT", "CURR", "RES", "TIME", "STAT")
    order = elements
    must_be_on = keeps_ohms = True
    off_mode_first = False
    remote: tuple[str, ...] = ("SYST:RSEN",)
    clearing = "SOUR:CLE:AUTO"
    averaging: tuple[str, ...] = ("SENS:AVER",)
    functions = frozenset({"VOLT", "CURR"})

    def command(self, command: Command) -> str | None:
        if command.header in ("FORM:ELEM", "FORM:ELEM:SENS"):
            chosen = {short(word.upper()) for word in command.arguments}
            if not chosen <= set(self.order):
                raise ScpiError(-224, "Illegal parameter value")
            self.elements = tuple(word for word in self.order if word in chosen)
        elif command.header == "SENS:FUNC":
            words = {word.upper()[:4] for word in command.arguments}
            kept = self.functions if self.left("SENS:FUNC:CONC", default="ON") in ("1", "ON") else frozenset()
            self.functions = frozenset(kept | words)
        elif command.header == "SENS:FUNC:OFF:ALL":
            self.functions = frozenset()
        elif command.header in ("SOUR:CURR", "SOUR:VOLT") and self._ohms(self.channel(command)):
            raise ScpiError(-221, "Settings conflict: auto ohms")
        elif command.header == "OUTP:OFF:MODE" and self.off_mode_first and self._on(self.channel(command)):
            raise ScpiError(-221, "Settings conflict: the output is on")
        elif command.header in ("READ?", "MEAS?"):
            return self._read(self.channel(command))
        elif command.header in ("MEAS:VOLT?", "MEAS:CURR?"):
            return f"{self.measured(self.channel(command))[command.header == 'MEAS:CURR?']:+.14E}"
        else:
            return super().command(command)
        return None

    def _read(self, name: str) -> str:
        if self.must_be_on and not self._on(name):
            raise ScpiError(803, "Not permitted with OUTPUT off")
        volts, amperes, tripped = self.shown(name)
        values = {word: value for word, value in (("VOLT", volts), ("CURR", amperes)) if word in self.functions}
        values["STAT"] = float(tripped * 8)
        return self.answers(name, ",".join(f"{values.get(word, NOT_MEASURED):+.14E}" for word in self.elements))

    def _ohms(self, name: str) -> bool:
        return self.keeps_ohms and "RES" in self.functions and self.left("SENS:RES:MODE", name, "MAN").startswith("AUTO")

    def _on(self, name: str) -> bool:
        return self.channels.setdefault(name, Channel()).on


class VirtualB2900(Virtual2400):
    """B2900: the 2400's words with channel numbers, `READ? (@1)`, compliance in bits 1 and 2 of the status."""

    identity = "HWLEARN,B2902A,0,1.0"
    drops_rest = False
    no_error = '+0,"No error"'
    elements = order = ("VOLT", "CURR", "RES", "TIME", "STAT", "SOUR")
    must_be_on, off_mode_first = False, True
    remote, clearing, averaging = ("SENS:REM",), "OUTP:OFF:AUTO", ()
    shortest, longest = 4e-4, 120.0
    functions = frozenset({"CURR"})


class Virtual2450(VirtualSourceMeter):
    """2450 in its SCPI mode: READ? measures the function of SENS:FUNC; a limit belongs to the source's function.

    Attributes:
        language: what its menu was left at; in another one it answers `*IDN?` and `*LANG?` only.
        ohms_fix_source: what it sources cannot be chosen while it measures ohms.
    """

    identity = "HWLEARN,MODEL 2450,0,1.0"
    drops_rest = True
    limits = MappingProxyType({"SOUR:CURR:VLIM": "v_limit", "SOUR:VOLT:ILIM": "i_limit"})
    ignored = _COMMON
    ohms_fix_source = True
    remote = ("SENS:VOLT:RSEN", "SENS:CURR:RSEN")
    averaging = ("SENS:VOLT:AVER", "SENS:CURR:AVER")

    def answer(self, line: str) -> str | None:
        state = self.channels.setdefault("1", Channel())
        if self.language != "TSP" or line.startswith("*"):
            return super().answer(line)
        self.lines = [*self.lines[-99:], line]
        if line == "smu.source.output = smu.OFF":
            state.on = False
            self.model.set_meter(self.place("1"), state.drive())
        elif line == "print(smu.source.output == smu.OFF and 0 or 1)":
            return f"{int(state.on)}"
        else:
            self._errors.append('-285,"TSP Syntax error"')
        return None

    def command(self, command: Command) -> str | None:
        name = self.channel(command)
        state = self.channels.setdefault(name, Channel())
        if command.header == "*LANG?":
            return self.language
        if command.header == "SENS:FUNC":
            state.sense = command.word[:4]
        elif command.header == "SENS:FUNC?":
            return {"RES": '"RES"'}.get(state.sense, f'"{state.sense}:DC"')
        elif command.header == "SOUR:FUNC" and self.ohms_fix_source and state.sense == "RES":
            raise ScpiError(-221, "Settings conflict: it measures ohms")
        elif command.header in ("READ?", "MEAS:VOLT?", "MEAS:CURR?", "MEAS?"):
            if command.header.startswith("MEAS:"):
                state.sense = command.header[5:9]
            return self._read(name, tuple(word.upper() for word in command.arguments[1:]))
        else:
            return super().command(command)
        return None

    def _read(self, name: str, elements: tuple[str, ...]) -> str:
        state, (volts, amperes, tripped) = self.channels[name], self.shown(name)
        values = {
            "READ": volts if state.sense == "VOLT" else amperes,
            "SOUR": volts if state.mode == "voltage" else amperes,
            "SOURSTAT": float(tripped),
        }
        wanted = elements or ("READ",)
        unknown = [word for word in wanted if word not in values]
        if unknown:
            raise ScpiError(-224, f"Illegal parameter value {unknown[0]}")
        digits = int(self.left("FORM:ASC:PREC", default="0")) or 15
        return self.answers(name, ",".join(f"{values[word]:+.{digits - 1}E}" for word in wanted))
