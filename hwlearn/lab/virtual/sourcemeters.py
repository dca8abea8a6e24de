"""Virtual source meters: Keithley 2400 and 2450, Keysight B2900."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hwlearn.lab.virtual.model import BenchModel, LeadFault
from hwlearn.lab.virtual.ports import OPEN, Mode, PortDrive
from hwlearn.lab.virtual.scpi import Command, ScpiError, ScpiInstrument, headers

NOT_MEASURED = 9.91e37
FAULTS: Mapping[LeadFault, frozenset[str]] = MappingProxyType(
    {"sense open": headers("SYST:RSEN REM VOLT:RSEN CURR:RSEN"), "off between readings": headers("SOUR:CLE:AUTO")}
)
"""What a mode does to leads: four-wire sensing finds nothing at sense leads that nobody has wired."""
SHIFTS = headers("VOLT:REL CURR:REL CALC:VOLT:MATH CALC:CURR:MATH")
"""Modes in which readings are off."""


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
    """Source a current or a voltage within limits, measure both."""

    limits: Mapping[str, str] = MappingProxyType({})
    """Header of a limit → attribute of `Channel`."""

    def __init__(self, name: str, model: BenchModel) -> None:
        super().__init__(name, model)
        self.channels: dict[str, Channel] = {}
        self.shift = 0.05
        """What a relative mode or a calculation adds to a reading [V, A]."""
        self._left: dict[str, LeadFault] = {}

    def channel(self, command: Command) -> str:
        """The channel that a command is for: its list, its suffix, else 1."""
        return command.channels[0] if command.channels else str(command.suffixes[0]) if command.suffixes else "1"

    def measured(self, channel: str) -> tuple[float, float, bool]:
        """(V, A, in compliance)."""
        state = self.channels.setdefault(channel, Channel())
        volts, amperes, tripped = self.model.read_meter(self.place(channel), state.drive())
        shifted = [
            any(self.in_mode(key, channel) for key in SHIFTS & self.usual.keys() if of in key) for of in ("VOLT", "CURR")
        ]
        return volts + self.shift * shifted[0], amperes + self.shift * shifted[1], tripped

    def mode_changed(self, key: str, channels: tuple[str, ...]) -> None:
        for channel in channels if channels != ("",) else ("1",):
            place, was = self.place(channel), self._left.pop(channel, None)
            if was is not None and self.model.leads.get(place) == was:
                del self.model.leads[place]
            for fault, keys in FAULTS.items():
                if any(self.in_mode(one, channel) for one in keys & self.usual.keys()):
                    self.model.leads[place] = self._left[channel] = fault
            self.model.set_meter(place, self.channels.setdefault(channel, Channel()).drive())

    def command(self, command: Command) -> str | None:
        header, name = command.header, self.channel(command)
        state = self.channels.setdefault(name, Channel())
        query = header.endswith("?")
        key = header.removesuffix("?")
        if key in ("SOUR:FUNC", "SOUR:FUNC:MODE"):
            if query:
                return state.mode[:4].upper()
            state.mode = self._mode(command)
        elif key in ("SOUR:CURR", "SOUR:VOLT"):
            attribute = "amperes" if key.endswith("CURR") else "volts"
            if query:
                return f"{getattr(state, attribute):+.14E}"
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
        else:
            return super().command(command)
        self.model.set_meter(self.place(name), state.drive())
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
    "ABOR FORM:ELEM:SOUR SYST:LFR DISP:ENAB TRAC:CLE SOUR:VOLT:PROT SOUR:CURR:PROT "
)


class Virtual2400(VirtualSourceMeter):
    """2400: SENS:VOLT:PROT, FORM:ELEM, READ?, which with the output off is error 803."""

    identity = "HWLEARN,MODEL 2400,0,1.0"
    usual = MappingProxyType(
        {"SYST:RSEN": "0", "AVER": "0", "SOUR:CLE:AUTO": "0", "CALC": "0", "CALC:NULL": "0", "ROUT:TERM": "FRON"}
    )
    drops_rest = True
    limits = MappingProxyType({"SENS:VOLT:PROT": "v_limit", "SENS:CURR:PROT": "i_limit"})
    ignored = _COMMON
    elements: tuple[str, ...] = ("VOLT", "CURR", "RES", "TIME", "STAT")
    order = elements
    must_be_on = True

    def command(self, command: Command) -> str | None:
        if command.header in ("FORM:ELEM", "FORM:ELEM:SENS"):
            chosen = {word.upper()[:4] for word in command.arguments}
            if not chosen <= set(self.order):
                raise ScpiError(-224, "Illegal parameter value")
            self.elements = tuple(word for word in self.order if word in chosen)
        elif command.header == "SENS:FUNC":
            pass
        elif command.header in ("READ?", "MEAS?"):
            return self._read(self.channel(command))
        elif command.header in ("MEAS:VOLT?", "MEAS:CURR?"):
            return f"{self.measured(self.channel(command))[command.header == 'MEAS:CURR?']:+.14E}"
        else:
            return super().command(command)
        return None

    def _read(self, name: str) -> str:
        if self.must_be_on and not self.channels.setdefault(name, Channel()).on:
            raise ScpiError(803, "Not permitted with OUTPUT off")
        volts, amperes, tripped = self.measured(name)
        values = {"VOLT": volts, "CURR": amperes, "STAT": float(tripped * 8)}
        return ",".join(f"{values.get(word, NOT_MEASURED):+.14E}" for word in self.elements)


class VirtualB2900(Virtual2400):
    """B2900: the 2400's words with channel numbers, `READ? (@1)`, compliance in bits 1 and 2 of the status."""

    identity = "HWLEARN,B2902A,0,1.0"
    usual = MappingProxyType({"REM": "0", "CALC:MATH": "0"})
    drops_rest = False
    no_error = '+0,"No error"'
    elements = order = ("VOLT", "CURR", "RES", "TIME", "STAT", "SOUR")
    must_be_on = False


class Virtual2450(VirtualSourceMeter):
    """2450 in its SCPI mode: READ? measures the function of SENS:FUNC; a limit belongs to the source's function."""

    identity = "HWLEARN,MODEL 2450,0,1.0"
    usual = MappingProxyType(
        {
            **{f"{of}:{what}": "0" for of in ("VOLT", "CURR") for what in ("RSEN", "AVER", "REL")},
            **{"CALC:VOLT:MATH": "0", "CALC:CURR:MATH": "0", "ROUT:TERM": "FRON"},
        }
    )
    drops_rest = True
    limits = MappingProxyType({"SOUR:CURR:VLIM": "v_limit", "SOUR:VOLT:ILIM": "i_limit"})
    ignored = _COMMON

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
        elif command.header in ("READ?", "MEAS:VOLT?", "MEAS:CURR?", "MEAS?"):
            if command.header.startswith("MEAS:"):
                state.sense = command.header[5:9]
            return self._read(state, self.measured(name), tuple(word.upper() for word in command.arguments[1:]))
        else:
            return super().command(command)
        return None

    def _read(self, state: Channel, measured: tuple[float, float, bool], elements: tuple[str, ...]) -> str:
        volts, amperes, tripped = measured
        values = {
            "READ": volts if state.sense == "VOLT" else amperes,
            "SOUR": volts if state.mode == "voltage" else amperes,
            "SOURSTAT": float(tripped),
        }
        wanted = elements or ("READ",)
        unknown = [word for word in wanted if word not in values]
        if unknown:
            raise ScpiError(-224, f"Illegal parameter value {unknown[0]}")
        return ",".join(f"{values[word]:+.14E}" for word in wanted)
