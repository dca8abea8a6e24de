"""Driver of a board that is resistor box, DAC and scanner behind one port."""

from __future__ import annotations

from hwlearn.lab.instruments.drivers.scpi_adc import ScpiAdc
from hwlearn.lab.instruments.drivers.scpi_dac import ScpiDac
from hwlearn.lab.instruments.drivers.scpi_resistors import ScpiResistors


class ScpiBoard(ScpiDac, ScpiAdc, ScpiResistors):
    """The firmware of `hwlearn.lab.firmware` on a Raspberry Pi Pico: resistors from 0, inputs from 101, sources from 201."""

    model = "SCPI board"
