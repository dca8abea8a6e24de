"""Drivers of scanning voltmeters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hwlearn.lab.instruments.roles import Scanner
from hwlearn.lab.instruments.scpi import channel_list, number


class Keysight34970A(Scanner):
    """Keysight 34970A and 34972A. CONF resets delay and impedance, so these come after it."""

    model = "Keysight 34970A"
    impedance: ClassVar[str] = "INP:IMP:AUTO"

    def setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        at = channel_list(channels)
        return (
            f":CONF:VOLT:DC {number(volts)},DEF,{at};:VOLT:DC:NPLC {number(nplc)},{at};"
            f":{self.impedance} {'ON' if high_z else 'OFF'},{at};:ROUT:SCAN {at};:ROUT:CHAN:DEL {number(delay)},{at};"
            ":TRIG:SOUR IMM;:FORM:READ:CHAN OFF;:FORM:READ:TIME OFF;:FORM:READ:UNIT OFF"
        )

    def request(self, count: int, times: int) -> tuple[str, int]:
        return f":TRIG:COUN {times};:READ?", 1


class Keysight34980A(Keysight34970A):
    """Keysight 34980A."""

    model = "Keysight 34980A"
    impedance = "VOLT:IMP:AUTO"


class KeysightDaq970A(Keysight34970A):
    """Keysight DAQ970A."""

    model = "Keysight DAQ970A"


class Keithley2700(Scanner):
    """Keithley 2700, 2701 and 2750: one value per reading, as many samples as channels."""

    model = "Keithley 2700"

    def setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        at = channel_list(channels)
        return (
            f":FORM:ELEM READ;:TRAC:CLE;:INIT:CONT OFF;:SENS:FUNC 'VOLT',{at};:SENS:VOLT:NPLC {number(nplc)},{at};"
            f":SENS:VOLT:RANG {number(volts)},{at};:TRIG:SOUR IMM;:TRIG:DEL {number(delay)};"
            f":SAMP:COUN {len(channels)};:ROUT:SCAN {at};:SENS:VOLT:IDIV {'OFF' if high_z else 'ON'};"
            ":ROUT:SCAN:TSO IMM;:ROUT:SCAN:LSEL INT"
        )

    def request(self, count: int, times: int) -> tuple[str, int]:
        return f":TRIG:COUN {times};:READ?", 1


class KeithleyDaq6510(Scanner):
    """Keithley DAQ6510 in its SCPI mode: a scan fills the buffer, which is then read."""

    model = "Keithley DAQ6510"

    def setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        at = channel_list(channels)
        return (
            f":FUNC 'VOLT:DC',{at};:VOLT:DC:NPLC {number(nplc)},{at};:VOLT:DC:RANG {number(volts)},{at};"
            f":VOLT:DC:INP {'AUTO' if high_z else 'MOHM10'},{at};:ROUT:DEL {number(delay)},{at};"
            f":ROUT:SCAN:INT 0;:ROUT:SCAN:CRE {at}"
        )

    def request(self, count: int, times: int) -> tuple[str, int]:
        return f':ROUT:SCAN:COUN:SCAN {times};:TRAC:CLE;:INIT;*OPC?;:TRAC:DATA? 1,{times * count},"defbuffer1",READ', 2
