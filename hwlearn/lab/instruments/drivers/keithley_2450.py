"""Driver of the Keithley 2450."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Noted
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter


class Keithley2450(ScpiSourceMeter):
    """Keithley 2450 in its SCPI mode: one channel, "1"; the source's value is read back beside the measured one. What it
    sources cannot be chosen while it measures ohms, so that SENS:FUNC comes first."""

    only = ("1",)
    bilingual = True
    model = "Keithley 2450"
    terminals = ("front", "rear")

    def off(self, channels: Sequence[str]) -> None:
        if self.language == "TSP":  # a Lua script; SCPI is not understood
            self.session.off("smu.source.output = smu.OFF", "print(smu.source.output == smu.OFF and 0 or 1)")
        else:
            super().off(channels)

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.01, 10.0

    def _settings(self, channel: str) -> str:
        sensed = (
            f":SENS:{word}:RSEN OFF;:SENS:{word}:RANG:AUTO ON;:SENS:{word}:AVER OFF;:SENS:{word}:REL:STAT OFF;"
            f":SENS:{word}:UNIT {unit};:CALC:{word}:MATH:STAT OFF;:SOUR:{word}:RANG:AUTO ON;:SOUR:{word}:READ:BACK ON;"
            f":OUTP:{word}:SMOD HIMP"
            for word, unit in (("VOLT", "VOLT"), ("CURR", "AMP"))
        )
        return ";".join((":SENS:FUNC 'VOLT';:SENS:COUN 1;:FORM:DATA ASC;:FORM:ASC:PREC 0", *sensed))

    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        return f":SOUR:CURR:VLIM {volts};:SOUR:VOLT:ILIM {amperes};:SENS:VOLT:NPLC {nplc};:SENS:CURR:NPLC {nplc}"

    def _level(self, channel: str, function: Function, value: str, changed: bool) -> str:
        head = f":SOUR:{function} {value}"
        other = "VOLT" if function == "CURR" else "CURR"
        return f":SENS:FUNC '{other}';{head};:SOUR:FUNC {function};:OUTP ON" if changed else head

    def _request(self, channel: str, function: Function) -> tuple[str, int]:
        limit = "CURR:VLIM" if function == "CURR" else "VOLT:ILIM"
        return f':READ? "defbuffer1",READ,SOUR;:SOUR:{limit}:TRIP?', 2

    def _ordered(self, one: float, two: float, function: Function) -> tuple[float, float]:
        return (one, two) if function == "CURR" else (two, one)

    def _output(self, channel: str) -> str:
        return ":OUTP"

    def _function(self, channel: str) -> str:
        return ":SOUR:FUNC"

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        modes = {
            ":SENS:{}:RSEN?": "senses {} with four wires",
            ":SENS:{}:AVER?": "filters its readings of {}",
            ":SENS:{}:REL:STAT?": "takes its readings of {} relative to another",
            ":CALC:{}:MATH:STAT?": "calculates with its readings of {}",
        }
        words = {"VOLT": "voltage", "CURR": "current"}
        measured = [Setting(mode.format(key), "0", what.format(words[key])) for mode, what in modes.items() for key in words]
        return (*measured, Setting(":ROUT:TERM?", "FRON", "uses its rear terminals", Noted))

    def _levels(self, channel: str) -> tuple[str, str]:
        return ":SOUR:CURR", ":SOUR:VOLT"
