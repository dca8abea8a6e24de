"""Driver of the Keysight 34970A and 34972A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwlearn.lab.instruments.scpi.look import Setting
from hwlearn.lab.instruments.scpi.scanner import ScpiScanner
from hwlearn.lab.instruments.scpi.text import channel_list, number


class Keysight34970A(ScpiScanner):
    """Keysight 34970A and 34972A. No setting may change during a scan, so that ABOR comes first: a scan goes on after its
    answer was lost, and after whoever began it has died. CONF resets delay and impedance, so these come after it."""

    model = "Keysight 34970A"
    impedance: ClassVar[str] = "INP:IMP:AUTO"

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        return 0.02, 200.0

    def _setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float | None) -> str:
        at = channel_list(channels)
        wait = f":ROUT:CHAN:DEL:AUTO ON,{at}" if delay is None else f":ROUT:CHAN:DEL {number(delay)},{at}"
        return (
            f":ABOR;:CONF:VOLT:DC {number(volts)},DEF,{at};:VOLT:DC:NPLC {number(nplc)},{at};"
            f":{self.impedance} {'ON' if high_z else 'OFF'},{at};:ROUT:SCAN {at};{wait};:TRIG:SOUR IMM;"
            f":CALC:SCAL:STAT OFF,{at};:FORM:READ:CHAN OFF;:FORM:READ:TIME OFF;:FORM:READ:UNIT OFF;:FORM:READ:ALAR OFF"
        )

    def _modes(self, channels: Sequence[str]) -> Sequence[Setting]:
        return (
            Setting(f":CALC:SCAL:STAT? {channel_list(channels)}", "0", "scales its readings"),
            Setting(":STAT:OPER:COND?", "0", "is in the middle of a scan", bit=16),
        )

    def _request(self, count: int, repeats: int) -> tuple[str, int]:
        return f":ABOR;:TRIG:COUN {repeats};:READ?", 1
