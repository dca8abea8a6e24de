"""Driver of the Keithley 2400."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter


class Keithley2400(ScpiSourceMeter):
    """Keithley 2400: one channel, "1"; READ? gives what FORM:ELEM lists, and is an error while the output is off."""

    model = "Keithley 2400"

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

    def _off(self, channels: Sequence[str]) -> str:
        return ":SOUR:CURR 0;:SOUR:VOLT 0;:OUTP OFF"
