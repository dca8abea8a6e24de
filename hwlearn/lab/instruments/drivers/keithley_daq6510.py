"""Driver of the Keithley DAQ6510."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number


class KeithleyDaq6510(ScpiScanner):
    """Keithley DAQ6510 in its SCPI mode: a scan fills the buffer, which is then read."""

    model = "Keithley DAQ6510"
    bilingual = True

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        at = channel_list(channels)
        return (
            f":FUNC 'VOLT:DC',{at};:VOLT:DC:NPLC {number(nplc)},{at};:VOLT:DC:RANG {number(volts)},{at};"
            f":VOLT:DC:INP {'AUTO' if high_z else 'MOHM10'},{at};:ROUT:DEL {number(delay)},{at};"
            f":ROUT:SCAN:INT 0;:ROUT:SCAN:CRE {at}"
        )

    def _settings(self, channels: Sequence[str]) -> Sequence[Setting]:
        at = channel_list(channels)
        return (
            Setting(f":SENS:VOLT:REL:STAT? {at}", "0", "reads relative to another value"),
            Setting(f":SENS:VOLT:AVER:STAT? {at}", "0", "filters its readings"),
            Setting(f":CALC:VOLT:MATH:STAT? {at}", "0", "calculates with its readings"),
            Setting(":ROUT:TERM?", "REAR", "uses its front inputs: press its TERMINALS button", Unusable),
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        size = repeats * count
        return f':ROUT:SCAN:COUN:SCAN {repeats};:TRAC:CLE;:INIT;*OPC?;:TRAC:DATA? 1,{size},"defbuffer1",READ', 2
