"""Driver of the Keithley 2400."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Noted
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter


class Keithley2400(ScpiSourceMeter):
    """Keithley 2400: one channel, "1"; READ? gives what FORM:ELEM lists, once for each trigger, and is an error while the
    output is off. Its test current cannot be set while it chooses one for ohms by itself."""

    only = ("1",)
    model = "Keithley 2400"
    terminals = ("front", "rear")

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.01, 10.0

    def _settings(self, channel: str) -> str:
        return (
            ":SYST:RSEN OFF;:SOUR:CLE:AUTO OFF;:ARM:SOUR IMM;:ARM:COUN 1;:TRIG:SOUR IMM;:TRIG:COUN 1;:SENS:RES:MODE MAN;"
            ":SENS:FUNC:OFF:ALL;:SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:SENS:VOLT:RANG:AUTO ON;:SENS:CURR:RANG:AUTO ON;"
            ":SOUR:CURR:MODE FIX;:SOUR:VOLT:MODE FIX;:SOUR:CURR:RANG:AUTO ON;:SOUR:VOLT:RANG:AUTO ON;:SENS:AVER OFF;"
            ":FORM:DATA ASC;:FORM:ELEM VOLT,CURR;:OUTP:SMOD HIMP"
        )

    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        return f":SENS:VOLT:PROT {volts};:SENS:CURR:PROT {amperes};:SENS:VOLT:NPLC {nplc}"

    def _level(self, channel: str, function: Function, value: str, changed: bool) -> str:
        head = f":SOUR:{function} {value}"
        return f"{head};:SOUR:FUNC {function};:OUTP ON" if changed else head

    def _request(self, channel: str, function: Function) -> tuple[str, int]:
        limited = "VOLT" if function == "CURR" else "CURR"
        return f":READ?;:SENS:{limited}:PROT:TRIP?", 2

    def _output(self, channel: str) -> str:
        return ":OUTP"

    def _function(self, channel: str) -> str:
        return ":SOUR:FUNC"

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        return (
            Setting(":SYST:RSEN?", "0", "senses with four wires"),
            Setting(":SENS:AVER:STAT?", "0", "filters its readings"),
            Setting(":SOUR:CLE:AUTO?", "0", "switches its output off after each reading"),
            Setting(":CALC:STAT?", "0", "calculates with its readings", Noted),
            Setting(":CALC2:NULL:STAT?", "0", "takes its readings relative to another", Noted),
            Setting(":ROUT:TERM?", "FRON", "uses its rear terminals", Noted),
        )

    def _levels(self, channel: str) -> tuple[str, str]:
        return ":SOUR:CURR", ":SOUR:VOLT"
