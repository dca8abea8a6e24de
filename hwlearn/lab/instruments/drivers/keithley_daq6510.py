"""Driver of the Keithley DAQ6510."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number

LARGEST_BUFFER = 100_000
"""Readings in `defbuffer1`, as it leaves the factory."""


class KeithleyDaq6510(ScpiScanner):
    """Keithley DAQ6510 in its SCPI mode: a scan fills the buffer, which is then read. A channel's delay adds to what the
    function takes by itself."""

    model = "Keithley DAQ6510"
    bilingual = True

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.0005, 12.0 if line_hz == 50 else 15.0

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        at = channel_list(channels)
        return (
            f":ABOR;:ROUT:OPEN:ALL;:FORM:DATA ASC;:FORM:ASC:PREC 0;:FUNC 'VOLT:DC',{at};:VOLT:DC:NPLC {number(nplc)},{at};"
            f":VOLT:DC:RANG {number(volts)},{at};:VOLT:DC:INP {'AUTO' if high_z else 'MOHM10'},{at};:VOLT:DC:AZER ON,{at};"
            f":VOLT:DC:AVER OFF,{at};:VOLT:DC:REL:STAT OFF,{at};:VOLT:DC:UNIT VOLT,{at};:CALC:VOLT:DC:MATH:STAT OFF,{at};"
            f":VOLT:DC:DEL:AUTO ON,{at};:ROUT:DEL {number(delay or 0.0)},{at};"
            f':ROUT:SCAN:INT 0;:ROUT:SCAN:CRE {at};:ROUT:SCAN:BUFF "defbuffer1";:TRAC:POIN {LARGEST_BUFFER},"defbuffer1"'
        )

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        at = channel_list(channels)
        return (
            Setting(f":SENS:VOLT:REL:STAT? {at}", "0", "reads relative to another value"),
            Setting(f":SENS:VOLT:AVER:STAT? {at}", "0", "filters its readings"),
            Setting(f":CALC:VOLT:MATH:STAT? {at}", "0", "calculates with its readings"),
            Setting(f":SENS:VOLT:UNIT? {at}", "VOLT", "reads in decibels"),
            Setting(":ROUT:TERM?", "REAR", "uses its front inputs: press its TERMINALS button", Unusable),
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        size = repeats * count
        if size > LARGEST_BUFFER:
            raise self.error(f"cannot keep {size} readings of a scan, {LARGEST_BUFFER} at most: ask for fewer repeats")
        return f':ROUT:SCAN:COUN:SCAN {repeats};:TRAC:CLE "defbuffer1";:INIT;*OPC?;:TRAC:DATA? 1,{size},"defbuffer1",READ', 2
