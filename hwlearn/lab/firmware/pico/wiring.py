"""Which chips are on your board: change this file, and no other. As it is, it is the board of docs/board.md."""

from firmware.board import Board
from firmware.buses import I2cDevice, SpiDevice
from firmware.chips.adcs import Ads1115
from firmware.chips.dacs import Mcp4728
from firmware.chips.mcp4251 import Mcp4251
from machine import I2C, SPI, Pin

POTS = (6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21)
"""Pin that selects each MCP4251: resistors 0 and 1, 2 and 3, …"""
ADCS = ((0, 0x48), (0, 0x49), (0, 0x4A), (0, 0x4B), (1, 0x48), (1, 0x49))
"""Bus and address of each ADS1115: channels 101 to 103, 104 to 106, …, its A0 to A2 against A3, the circuit's ground."""
DAC = (1, 0x60)
"""Bus and address of the MCP4728: channels 201 to 203, ±1.02 V. Its output VD, 204, buffered, is the circuit's ground."""
GROUND_V = 1.024
"""The circuit's ground, above the chips' ground: half of what the DAC reaches."""


def board(alive):
    selects = {pin: Pin(pin, Pin.OUT, value=1) for pin in POTS}  # all, before any chip is talked to
    spi = SPI(0, sck=Pin(18), mosi=Pin(19), miso=Pin(16))
    i2c = (I2C(0, sda=Pin(4), scl=Pin(5), freq=400_000), I2C(1, sda=Pin(2), scl=Pin(3), freq=400_000))
    pots = [Mcp4251("MCP4251", SpiDevice(spi, selects[pin])) for pin in POTS]
    dacs = [Mcp4728(I2cDevice(i2c[DAC[0]], DAC[1]), zero_v=GROUND_V)]
    adcs = [Ads1115(I2cDevice(i2c[bus], address), [(0, 3), (1, 3), (2, 3)]) for bus, address in ADCS]
    return Board(pots, dacs, adcs, alive=alive)
