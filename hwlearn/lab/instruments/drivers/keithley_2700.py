"""Driver of the Keithley 2700, 2701 and 2750."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number


class Keithley2700(ScpiScanner):
    """Keithley 2700, 2701 and 2750: one value per reading, as many samples as channels."""

    model = "Keithley 2700"

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        at = channel_list(channels)
        return (
            f":FORM:ELEM READ;:TRAC:CLE;:INIT:CONT OFF;:SENS:FUNC 'VOLT',{at};:SENS:VOLT:NPLC {number(nplc)},{at};"
            f":SENS:VOLT:RANG {number(volts)},{at};:TRIG:SOUR IMM;:TRIG:DEL {number(delay)};"
            f":SAMP:COUN {len(channels)};:ROUT:SCAN {at};:SENS:VOLT:IDIV {'OFF' if high_z else 'ON'};"
            ":ROUT:SCAN:TSO IMM;:ROUT:SCAN:LSEL INT"
        )

    def _settings(self, channels: Sequence[str]) -> Sequence[Setting]:
        at = channel_list(channels)
        return (
            Setting(f":SENS:VOLT:REF:STAT? {at}", "0", "reads relative to another value"),
            Setting(f":SENS:VOLT:AVER:STAT? {at}", "0", "filters its readings"),
            Setting(f":CALC:STAT? {at}", "0", "calculates with its readings"),
            Setting(f":UNIT:VOLT? {at}", "V", "reads in decibels"),
            Setting(":SYST:FRSW?", "0", "uses its front inputs: press its INPUTS button", Unusable),
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        return f":TRIG:COUN {repeats};:READ?", 1
