"""Driver of converters that speak plain SCPI, such as those behind the firmware of `hwlearn.lab.firmware`."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number


class ScpiAdc(ScpiScanner):
    """Any ADC that takes `SENS:VOLT:RANG`, `SENS:VOLT:NPLC`, `INP:IMP:AUTO`, `ROUT:CHAN:DEL`, `ROUT:SCAN`, `TRIG:COUN`;
    answers `READ?`.

    It integrates for as long as asked or a little longer, and refuses an impedance above 10 GΩ if it has no buffers.
    """

    model = "SCPI ADC"

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        at = channel_list(channels)
        return (
            f":SENS:VOLT:RANG {number(volts)},{at};:SENS:VOLT:NPLC {number(nplc)},{at};"
            f":INP:IMP:AUTO {'ON' if high_z else 'OFF'},{at};:ROUT:CHAN:DEL {number(delay or 0.0)},{at};:ROUT:SCAN {at}"
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        return f":TRIG:COUN {repeats};:READ?", 1
