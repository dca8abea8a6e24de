"""Driver of the Keysight B2900 series."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Noted
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter

SHORTEST_SECONDS, LONGEST_SECONDS = 8e-6, 2.0
"""Integration time of a reading, at least and at most."""


class KeysightB2900(ScpiSourceMeter):
    """Keysight B2900 series: channels "1" and "2". What an output does when it is off is chosen before it is on."""

    model = "Keysight B2900"

    def _settings(self, channel: str) -> str:
        sense, source, output = f":SENS{channel}", f":SOUR{channel}", f":OUTP{channel}"
        return (
            f"{sense}:REM OFF;{output}:OFF:AUTO OFF;{output}:ON:AUTO OFF;:ARM{channel}:SOUR AINT;:ARM{channel}:COUN 1;"
            f":TRIG{channel}:SOUR AINT;:TRIG{channel}:COUN 1;{sense}:RES:MODE MAN;{sense}:FUNC:OFF:ALL;"
            f"{sense}:FUNC 'VOLT','CURR';{sense}:VOLT:RANG:AUTO ON;{sense}:CURR:RANG:AUTO ON;{source}:CURR:MODE FIX;"
            f"{source}:VOLT:MODE FIX;{source}:CURR:RANG:AUTO ON;{source}:VOLT:RANG:AUTO ON;:FORM:DATA ASC;"
            f":FORM:ELEM:SENS VOLT,CURR;{output}:OFF:MODE HIZ"
        )

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return SHORTEST_SECONDS * line_hz, LONGEST_SECONDS * line_hz

    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        return (
            f":SENS{channel}:VOLT:PROT {volts};:SENS{channel}:CURR:PROT {amperes};:SENS{channel}:VOLT:NPLC {nplc};"
            f":SENS{channel}:CURR:NPLC {nplc}"
        )

    def _level(self, channel: str, function: Function, value: str, changed: bool) -> str:
        head = f":SOUR{channel}:{function} {value}"
        return f"{head};:SOUR{channel}:FUNC:MODE {function};:OUTP{channel} ON" if changed else head

    def _request(self, channel: str, function: Function) -> tuple[str, int]:
        limited = "VOLT" if function == "CURR" else "CURR"
        return f":READ? (@{channel});:SENS{channel}:{limited}:PROT:TRIP?", 2

    def _output(self, channel: str) -> str:
        return f":OUTP{channel}"

    def _function(self, channel: str) -> str:
        return f":SOUR{channel}:FUNC:MODE"

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        (channel,) = channels
        return (
            Setting(f":SENS{channel}:REM?", "0", "senses with four wires"),
            Setting(f":CALC{channel}:MATH:STAT?", "0", "calculates with its readings", Noted),
        )

    def _levels(self, channel: str) -> tuple[str, str]:
        return f":SOUR{channel}:CURR", f":SOUR{channel}:VOLT"
