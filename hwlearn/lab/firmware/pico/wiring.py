"""Which chips are on your board: change this file, and no other. As it is, it is the board of docs/board.md."""

from firmware.board import Board
from firmware.buses import I2cDevice, SpiDevice
from firmware.chips.adcs import Ads1115
from firmware.chips.dacs import Mcp4822
from firmware.chips.mcp4251 import Mcp4251
from machine import I2C, SPI, Pin

POTS = (6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21)
"""Pin that selects each MCP4251: resistors 0 and 1, 2 and 3, …"""
DAC = 17
"""Pin that selects the MCP4822: channels 201 and 202, 0 to 2.047 V."""
ADCS = (0x48, 0x49, 0x4A, 0x4B)
"""Address of each ADS1115: channels 101 to 104, 105 to 108, … against ground."""


def board(alive):
    selects = {pin: Pin(pin, Pin.OUT, value=1) for pin in (*POTS, DAC)}  # all, before any chip is talked to
    spi = SPI(0, sck=Pin(18), mosi=Pin(19), miso=Pin(16))
    i2c = I2C(0, sda=Pin(4), scl=Pin(5), freq=400_000)
    pots = [Mcp4251("MCP4251", SpiDevice(spi, selects[pin])) for pin in POTS]
    dacs = [Mcp4822(SpiDevice(spi, selects[DAC]))]
    adcs = [Ads1115(I2cDevice(i2c, address), [(0, "GND"), (1, "GND"), (2, "GND"), (3, "GND")]) for address in ADCS]
    return Board(pots, dacs, adcs, alive=alive)
