"""What the firmware sends each chip, beside what independent drivers send; bytes are written out by hand from these.

Sources: Linux, drivers/iio/potentiometer/{ad5272,mcp4131}.c, drivers/misc/ad525x_dpot.{c,h}, drivers/iio/dac/ad5686.h and
{mcp4821,mcp4728}.c there, drivers/iio/adc/{mcp3422,ti-ads1015}.c; jmalloc/arduino-mcp4xxx; SpyrosCpt/MCP4351;
RobTillaart/X9C10X; Adafruit_CircuitPython_DS3502; AdiGitalEU/AD5689; DigitalPotControl of Arduino;
analogdevicesinc/mbed-adi (AD5270); data sheets FN8222 (X9C) and AD5270 rev. F. Facts, no code, were taken.
"""

import time

import numpy as np
import pytest

from hwlearn.lab.firmware.buses import I2cDevice, SpiDevice
from hwlearn.lab.firmware.chips.ad5206 import Ad5206
from hwlearn.lab.firmware.chips.ad5270 import Ad5270
from hwlearn.lab.firmware.chips.adcs import Ads1115, Mcp3424
from hwlearn.lab.firmware.chips.dacs import Ad5689r, Mcp4728, Mcp4822
from hwlearn.lab.firmware.chips.ds3502 import Ds3502
from hwlearn.lab.firmware.chips.mcp4251 import Mcp4251
from hwlearn.lab.firmware.chips.x9c import X9c
from hwlearn.lab.firmware.scpi import Refused


class Spi(SpiDevice):
    """Notes what it is sent, answers what it was given."""

    def __init__(self, *answers):
        self.sent, self.answers = [], list(answers)

    def exchange(self, mode, sent):
        self.sent.append(bytes(sent).hex())
        return self.answers.pop(0) if self.answers else b"\xff" * len(sent)


class I2c(I2cDevice):
    """The same."""

    def __init__(self, *answers):
        self.sent, self.answers = [], list(answers)

    def write(self, sent):
        self.sent.append(bytes(sent).hex())

    def read(self, count):
        return self.answers.pop(0)


def test_ad5272_and_ad5274():
    bus = I2c(b"\x01\x2c")
    chip = Ad5270("AD5272", bus)
    chip.write([300])
    chip.open()
    assert bus.sent == ["1c02", "1c02", "052c", "2400", "0800", "2401"]  # control, control, 300, normal, read; shutdown
    bus = I2c(b"\x03\x20")
    Ad5270("AD5274", bus).write([200])  # two bits higher
    assert bus.sent[2] == "0720"


def test_ad5270_reads_with_the_word_after():
    bus = Spi(*[b"\0\0"] * 7, b"\x01\x2c")
    chip = Ad5270("AD5270", bus)
    chip.write([300])
    assert bus.sent == ["1c02", "8001", "0000", "1c02", "052c", "2400", "0800", "0000", "8001", "0000"]


@pytest.mark.parametrize(
    ("model", "codes", "wipers", "controls", "reads"),
    [
        ("MCP4251", [256, 3], ["0100", "1003"], ["41ff"], ["0cff", "1cff"]),
        ("MCP4351", [1, 2, 3, 256], ["0001", "1002", "6003", "7100"], ["41ff", "a1ff"], ["0cff", "1cff", "6cff", "7cff"]),
    ],
)
def test_mcp4251_and_mcp4351(model, codes, wipers, controls, reads):
    answers = [b"\xff\xff"] * (len(wipers) + len(controls))
    answers += [bytes((0xFE | code >> 8, code & 0xFF)) for code in codes]
    bus = Spi(*answers)
    chip = Mcp4251(model, bus)
    chip.write(codes)
    assert bus.sent == wipers + controls + reads
    bus.sent.clear()
    chip.open()
    assert bus.sent == [word.replace("ff", "88") for word in controls]  # HW and the reserved bit stay, A, W, B are off


def test_a_command_error_of_an_mcp4251_is_told():
    with pytest.raises(Refused):
        Mcp4251("MCP4251", Spi(b"\xfd\xff")).write([1, 2])


def test_ad5206():
    bus = Spi()
    Ad5206("AD5206", bus).write([0, 1, 2, 3, 4, 255])
    assert bus.sent == ["0000", "0101", "0202", "0303", "0404", "05ff"]


def test_ds3502():
    bus = I2c(b"\x40", b"\x80", b"\x25")
    Ds3502("DS3502", bus).write([0x25])
    assert bus.sent == ["00", "0280", "02", "0025", "00"]  # the mode keeps the EEPROM as it is, before the wiper is written


class Pin:
    """Notes its levels, and when, in a shared list."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def value(self, level):
        self.log.append((self.name, level, time.perf_counter_ns()))


def test_x9c_moves_at_falling_inc_and_never_stores():
    log, level, moves = [], {"cs": 1, "inc": 0, "ud": 0}, []
    chip = X9c("X9C103", Pin("cs", log), Pin("inc", log), Pin("ud", log))
    log.clear()
    chip.write([40])
    chip.write([40])
    chip.write([38])
    for name, now, _ in log:
        if name == "inc" and level["inc"] and not now and not level["cs"]:
            moves.append(1 if level["ud"] else -1)
        if name == "cs" and now != level["cs"]:
            assert level["inc"] != now  # high when CS falls, or the wiper may move; low when it rises, or the place is stored
        level[name] = now
    assert moves == [1] * 40 + [-1] * 2


def test_x9c_leaves_the_times_of_the_data_sheet():
    """FN8222, page 5: U/D to INC 2.9 µs, INC low 1 µs, INC high 1 µs, INC to CS 1 µs, INC to wiper 500 µs."""
    log = []
    chip = X9c("X9C103", Pin("cs", log), Pin("inc", log), Pin("ud", log))
    log.clear()
    chip.write([3])
    done = time.perf_counter_ns()
    directed = next(at for name, _, at in log if name == "ud")
    pulses = [(level, at) for name, level, at in log if name == "inc"]
    selected, deselected = (at for name, _, at in log if name == "cs")
    during = [at for _, at in pulses if at > selected]
    assert during[0] - directed >= 2900
    assert min(np.diff([*during, deselected])) >= 1000
    assert done - during[-1] >= 500_000


def test_mcp4822():
    bus = Spi()
    Mcp4822(bus).write(0, 0x123)
    Mcp4822(bus).write(1, 0xFFF)
    Mcp4822(bus, doubled=True).write(1, 1)
    assert bus.sent == ["3123", "bfff", "9001"]


def test_mcp4728():
    told = bytearray(24)
    told[13:15] = b"\x8a\xbc"
    bus = I2c(bytes(told))
    Mcp4728(bus).write(2, 0xABC)
    assert bus.sent == ["448abc"]
    told[19:21] = b"\x90\x01"
    bus = I2c(bytes(told))
    Mcp4728(bus, doubled=True).write(3, 1)
    assert bus.sent == ["469001"]


def test_ad5689r():
    bus = Spi()
    Ad5689r(bus).write(0, 0x1234)
    Ad5689r(bus).write(1, 0xFFFF)
    assert bus.sent == ["311234", "38ffff"]


@pytest.mark.parametrize(
    ("inputs", "range_v", "nplc", "word"),
    [([0, "GND"], 2.048, 1.0, "01c543"), ([0, 3], 6.144, 50 / 860, "0191e3"), ([3, "GND"], 0.256, 50 / 8, "01fb03")],
)
def test_ads1115(inputs, range_v, nplc, word):
    bus = I2c(b"\x80\x00", b"\x40\x00")
    chip = Ads1115(bus, [inputs])
    volts = chip.read(0, chip.range(range_v), nplc)
    assert bus.sent == [word, "00"]
    assert volts == pytest.approx(range_v / 2)


@pytest.mark.parametrize(
    ("channel", "range_v", "nplc", "word", "answer", "part"),
    [
        (0, 2.048, 0.2, "80", b"\x04\x00\x00", 1024 / 2048),
        (2, 0.256, 4.0, "cb", b"\xc0\x00\x4b", -0.5),
        (3, 1.024, 20.0, "ed", b"\x01\x00\x00\x6d", 0.5),
    ],
)
def test_mcp3424(channel, range_v, nplc, word, answer, part):
    bus = I2c(answer, answer)
    chip = Mcp3424(bus, [(channel,)])
    assert chip.read(0, chip.range(range_v), nplc) == pytest.approx(part * range_v)
    assert bus.sent == [word]
