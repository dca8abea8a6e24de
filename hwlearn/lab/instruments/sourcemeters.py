"""Drivers of source meters."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.roles import SourceMeter


class Keithley2400(SourceMeter):
    """Keithley 2400: one channel, "1"; READ? gives what FORM:ELEM lists, and is an error while the output is off."""

    model = "Keithley 2400"

    def limits(self, channel: str, v_limit: str, i_limit: str, nplc: str) -> str:
        return (
            f":SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:SENS:VOLT:PROT {v_limit};:SENS:CURR:PROT {i_limit};"
            f":SENS:VOLT:NPLC {nplc};:FORM:ELEM VOLT,CURR;:OUTP:SMOD HIMP"
        )

    def level(self, channel: str, function: str, value: str, changed: bool) -> str:
        head = f":SOUR:{function} {value}"
        return f"{head};:SOUR:FUNC {function};:OUTP ON" if changed else head

    def request(self, channel: str, function: str) -> tuple[str, int]:
        limited = "VOLT" if function == "CURR" else "CURR"
        return f":READ?;:SENS:{limited}:PROT:TRIP?", 2

    def safe(self, channels: Sequence[str]) -> None:
        self._mode.clear()
        self.session.tell(":SOUR:CURR 0;:SOUR:VOLT 0;:OUTP OFF")


class Keithley2450(SourceMeter):
    """Keithley 2450 in its SCPI mode: one channel, "1"; the source's value is read back beside the measured one."""

    model = "Keithley 2450"

    def limits(self, channel: str, v_limit: str, i_limit: str, nplc: str) -> str:
        return (
            f":SOUR:CURR:VLIM {v_limit};:SOUR:VOLT:ILIM {i_limit};:SENS:VOLT:NPLC {nplc};:SENS:CURR:NPLC {nplc};"
            ":SOUR:CURR:READ:BACK ON;:SOUR:VOLT:READ:BACK ON;:OUTP:CURR:SMOD HIMP;:OUTP:VOLT:SMOD HIMP"
        )

    def level(self, channel: str, function: str, value: str, changed: bool) -> str:
        head = f":SOUR:{function} {value}"
        other = "VOLT" if function == "CURR" else "CURR"
        return f"{head};:SOUR:FUNC {function};:SENS:FUNC '{other}';:OUTP ON" if changed else head

    def request(self, channel: str, function: str) -> tuple[str, int]:
        limit = "CURR:VLIM" if function == "CURR" else "VOLT:ILIM"
        return f':READ? "defbuffer1",READ,SOUR;:SOUR:{limit}:TRIP?', 2

    def ordered(self, one: float, two: float, function: str) -> tuple[float, float]:
        return (one, two) if function == "CURR" else (two, one)

    def safe(self, channels: Sequence[str]) -> None:
        self._mode.clear()
        self.session.tell(":SOUR:CURR 0;:SOUR:VOLT 0;:OUTP OFF")


class KeysightB2900(SourceMeter):
    """Keysight B2900 series: channels "1" and "2"."""

    model = "Keysight B2900"

    def limits(self, channel: str, v_limit: str, i_limit: str, nplc: str) -> str:
        return (
            f":SENS{channel}:VOLT:PROT {v_limit};:SENS{channel}:CURR:PROT {i_limit};:SENS{channel}:VOLT:NPLC {nplc};"
            f":SENS{channel}:CURR:NPLC {nplc};:FORM:ELEM:SENS VOLT,CURR;:OUTP{channel}:OFF:MODE HIZ"
        )

    def level(self, channel: str, function: str, value: str, changed: bool) -> str:
        head = f":SOUR{channel}:{function} {value}"
        return f"{head};:SOUR{channel}:FUNC:MODE {function};:OUTP{channel} ON" if changed else head

    def request(self, channel: str, function: str) -> tuple[str, int]:
        limited = "VOLT" if function == "CURR" else "CURR"
        return f":READ? (@{channel});:SENS{channel}:{limited}:PROT:TRIP?", 2

    def safe(self, channels: Sequence[str]) -> None:
        self._mode.clear()
        self.session.tell(";".join(f":SOUR{c}:CURR 0;:SOUR{c}:VOLT 0;:OUTP{c} OFF" for c in channels))
