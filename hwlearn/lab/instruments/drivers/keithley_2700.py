"""Driver of the Keithley 2700, 2701 and 2750."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number

LONGEST_SECONDS = 1.0
"""Integration time of a reading, at most."""


class Keithley2700(ScpiScanner):
    """Keithley 2700, 2701 and 2750. Each trigger overwrites the buffer, so that one trigger makes all scans: samples are
    channels times repeats. A scan has two channels or more; one alone is closed and read."""

    model = "Keithley 2700"

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.01, LONGEST_SECONDS * line_hz

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        at = channel_list(channels)
        wait = ":TRIG:DEL:AUTO ON" if delay is None else f":TRIG:DEL {number(delay)}"
        chosen = f":ROUT:SCAN {at};:ROUT:SCAN:TSO IMM;:ROUT:SCAN:LSEL INT" if channels[1:] else f":ROUT:CLOS {at}"
        return (
            ":INIT:CONT OFF;:ABOR;:ROUT:SCAN:LSEL NONE;:ROUT:OPEN:ALL;:FORM:DATA ASC;:FORM:ELEM READ;:TRAC:CLE;"
            f":SENS:FUNC 'VOLT',{at};:SENS:VOLT:NPLC {number(nplc)},{at};:SENS:VOLT:RANG {number(volts)},{at};"
            f":SENS:VOLT:AVER:STAT OFF,{at};:SENS:VOLT:REF:STAT OFF,{at};:UNIT:VOLT:DC V,{at};:CALC:STAT OFF,{at};"
            f":SYST:AZER:STAT ON;:SENS:VOLT:IDIV {'OFF' if high_z else 'ON'};:TRIG:SOUR IMM;:TRIG:COUN 1;{wait};{chosen}"
        )

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        at = channel_list(channels)
        return (
            Setting(f":SENS:VOLT:REF:STAT? {at}", "0", "reads relative to another value"),
            Setting(f":SENS:VOLT:AVER:STAT? {at}", "0", "filters its readings"),
            Setting(f":CALC:STAT? {at}", "0", "calculates with its readings"),
            Setting(f":UNIT:VOLT? {at}", "V", "reads in decibels"),
            Setting(":SYST:FRSW?", "0", "uses its front inputs: press its INPUTS button", Unusable),
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        return f":SAMP:COUN {repeats * count};:READ?", 1
