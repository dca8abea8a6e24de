"""`DRIVERS`: the drivers by their names in a station file."""

from __future__ import annotations

from hwlearn.lab.instruments.resistors import ScpiResistors
from hwlearn.lab.instruments.roles import Instrument
from hwlearn.lab.instruments.scanners import Keithley2700, KeithleyDaq6510, Keysight34970A, Keysight34980A, KeysightDaq970A
from hwlearn.lab.instruments.sourcemeters import Keithley2400, Keithley2450, KeysightB2900
from hwlearn.lab.instruments.sources import Qdac2, ScpiDac

DRIVERS: dict[str, type[Instrument]] = {
    "keysight_34970a": Keysight34970A,
    "keysight_34980a": Keysight34980A,
    "keysight_daq970a": KeysightDaq970A,
    "keithley_2700": Keithley2700,
    "keithley_daq6510": KeithleyDaq6510,
    "keithley_2400": Keithley2400,
    "keithley_2450": Keithley2450,
    "keysight_b2900": KeysightB2900,
    "qdac2": Qdac2,
    "scpi_dac": ScpiDac,
    "scpi_resistors": ScpiResistors,
}
