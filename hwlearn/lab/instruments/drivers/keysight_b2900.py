"""Driver of the Keysight B2900 series."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.scpi.sourcemeter import Function, ScpiSourceMeter


class KeysightB2900(ScpiSourceMeter):
    """Keysight B2900 series: channels "1" and "2"."""

    model = "Keysight B2900"

    def _limits(self, channel: str, volts: str, amperes: str, nplc: str) -> str:
        return (
            f":SENS{channel}:VOLT:PROT {volts};:SENS{channel}:CURR:PROT {amperes};:SENS{channel}:VOLT:NPLC {nplc};"
            f":SENS{channel}:CURR:NPLC {nplc};:FORM:ELEM:SENS VOLT,CURR;:OUTP{channel}:OFF:MODE HIZ"
        )

    def _level(self, channel: str, function: Function, value: str, changed: bool) -> str:
        head = f":SOUR{channel}:{function} {value}"
        return f"{head};:SOUR{channel}:FUNC:MODE {function};:OUTP{channel} ON" if changed else head

    def _request(self, channel: str, function: Function) -> tuple[str, int]:
        limited = "VOLT" if function == "CURR" else "CURR"
        return f":READ? (@{channel});:SENS{channel}:{limited}:PROT:TRIP?", 2

    def _off(self, channels: Sequence[str]) -> str:
        return ";".join(f":SOUR{c}:CURR 0;:SOUR{c}:VOLT 0;:OUTP{c} OFF" for c in channels)
