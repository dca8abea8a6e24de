"""Lines that nobody should send, to a board with every chip. Runs under CPython and MicroPython."""

import machine
import suite
from chips_sim import SimAd5206, SimAd5272, SimDs3502, SimMcp3424, SimMcp4251, SimMcp4728
from firmware.board import Board
from firmware.buses import I2cDevice, SpiDevice
from firmware.chips.ad5206 import Ad5206
from firmware.chips.ad5270 import Ad5270
from firmware.chips.adcs import Mcp3424
from firmware.chips.dacs import Mcp4728
from firmware.chips.ds3502 import Ds3502
from firmware.chips.mcp4251 import Mcp4251
from firmware.scpi import LONGEST, QUEUE

WORDS = (
    ":RES:CODE", ":RES:CODE?", ":RES:COUN?", ":RES:OPEN", ":RES:OPEN?", ":SYST:WDOG", ":SYST:WDOG?", ":SYST:ERR?",
    "*CLS", "*IDN?", "*OPC?", ":SOUR:VOLT", ":SOUR:VOLT?", ":SENS:VOLT:RANG", ":SENS:VOLT:NPLC", ":INP:IMP:AUTO",
    ":ROUT:SCAN", ":TRIG:COUN", ":READ?", "(@101)", "(@101,102)", "(@201,204)", "(@", ")", "@", " ", ",", ";", ";;",
    "1", "255", "256", "-1", "1e999", "nan", "1_0", "0x10", "1,2,3,4,5,6,7,8,9,10", "0.5", "ON", "OFF", "\x00", "\x03",
    "\x04", "\x7f", "\r", "\t", "9" * 400, "A" * 400, "((((", '"', "'",
)  # fmt: skip

COMMANDS = (
    ":RES:CODE 1,2,3,4,5,6,7,8,9,10;:RES:CODE?", ":RES:OPEN?", ":RES:OPEN", ":SYST:WDOG 5;:SYST:WDOG?", ":SYST:ERR?",
    "*IDN?", "*OPC?", ":SOUR:VOLT 0.5,1,(@201,204);:SOUR:VOLT? (@201,204)", ":ROUT:SCAN (@101,102)",
    ":TRIG:COUN 2;:READ?", ":RES:COUN?",
)  # fmt: skip
"""What should be sent, before some of its bytes are changed."""


class Random:
    """The same numbers everywhere: a linear congruential generator (Numerical Recipes)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (1664525 * self.state + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % count


def line(random):
    """Bytes without a line's end: words, then some changed."""
    kind = random.below(10)
    if kind == 0:
        made = bytearray(random.below(256) for _ in range(random.below(3 * LONGEST)))
    elif kind < 6:
        made = bytearray(";".join([COMMANDS[random.below(len(COMMANDS))] for _ in range(1 + random.below(4))]).encode())
        for _ in range(random.below(3)):
            made[random.below(len(made))] = random.below(128)
    else:
        made = bytearray()
        for _ in range(random.below(12)):
            made += WORDS[random.below(len(WORDS))].encode()
            if random.below(3):
                made += b" "
        for _ in range(random.below(3)):
            if made:
                made[random.below(len(made))] = random.below(256)
    return bytes(byte for byte in made if byte != 10)


def board():
    suite.fresh()
    pair, six = SimMcp4251(2, 256, True), SimAd5206()
    machine.wired.update({5: pair, 6: six})
    one, two, dac = SimAd5272(10), SimDs3502(), SimMcp4728()
    machine.addressed.update({(0, 0x2F): one, (0, 0x28): two, (0, 0x60): dac, (0, 0x68): SimMcp3424(lambda k: 0.1 * k)})
    spi, i2c = machine.SPI(), machine.I2C()
    pins = [machine.Pin(number, machine.Pin.OUT, value=1) for number in (5, 6)]
    made = Board(
        [
            Mcp4251("MCP4261", SpiDevice(spi, pins[0])),
            Ad5206("AD5206", SpiDevice(spi, pins[1])),
            Ad5270("AD5272", I2cDevice(i2c, 0x2F)),
            Ds3502("DS3502", I2cDevice(i2c, 0x28)),
        ],
        [Mcp4728(I2cDevice(i2c, 0x60))],
        [Mcp3424(I2cDevice(i2c, 0x68), [(0,), (1,)])],
    )
    return made, (pair, six, one, two, dac)


def run(count, seed=1):
    """How many lines were answered; an AssertionError says which one was the first that did harm."""
    random, (made, chips) = Random(seed), board()
    answered = 0
    for k in range(count):
        sent, answers = line(random), []
        for byte in sent + b"\n":
            answer = made.feed(byte)
            if answer is not None:
                answers.append(answer)
        machine.log.clear()
        answered += len(answers)
        assert len(answers) <= 1, (k, sent)
        assert len(made.interpreter.errors) <= QUEUE, (k, sent)
        assert not any("\n" in answer for answer in answers), (k, sent)
        assert made.line(b"*OPC?") == "1", (k, sent)
        assert not any(chip.burnt for chip in chips), (k, sent)
    assert made.line(b"*CLS;:RES:CODE 1,2,3,4,5,6,7,8,9,10;:RES:CODE?;:SYST:ERR?") == '1,2,3,4,5,6,7,8,9,10;0,"No error"'
    return answered
