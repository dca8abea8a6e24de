"""Driver of the Keithley 2400."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Noted
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter


class Keithley2400(ScpiSourceMeter):
    """Keithley 2400: one channel, "1"; READ? gives what FORM:ELEM lists, and is an error while the output is off."""

    only = ("1",)
    model = "Keithley 2400"

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.01, 10.0

    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        return (
            f":SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:SENS:VOLT:PROT {volts};:SENS:CURR:PROT {amperes};"
            f":SENS:VOLT:NPLC {nplc};:FORM:ELEM VOLT,CURR;:OUTP:SMOD HIMP"
        )

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
