"""The protocol suite of the firmware, byte for byte on every chip: what is sent, what is answered, what goes over the bus.

Runs under CPython and MicroPython. The bytes were written from memory of the data sheets: check them before you build a
board. SPI in hexadecimal, I²C as address:bytes, "<" for read.
"""

import machine
from chips_sim import (
    SimAd5206,
    SimAd5270,
    SimAd5272,
    SimAd5689r,
    SimAd7124,
    SimAds1115,
    SimDs3502,
    SimMcp3424,
    SimMcp4251,
    SimMcp4728,
    SimMcp4822,
    SimX9c,
)
from firmware.board import Board
from firmware.buses import I2cDevice, SpiDevice
from firmware.chips.ad5206 import Ad5206
from firmware.chips.ad5270 import Ad5270
from firmware.chips.adcs import Ad7124, Ads1115, Mcp3424
from firmware.chips.dacs import Ad5689r, Mcp4728, Mcp4822
from firmware.chips.ds3502 import Ds3502
from firmware.chips.mcp4251 import Mcp4251
from firmware.chips.x9c import X9c

NO_ERROR = '0,"No error"'
VOLTS = {0: 0.5, 1: 1.25, 2: -0.1, 3: 0.0}


def spi(chip):
    machine.wired[5] = chip
    return chip, SpiDevice(machine.SPI(), machine.Pin(5, machine.Pin.OUT, value=1))


def i2c(chip, address):
    machine.addressed[(0, address)] = chip
    return chip, I2cDevice(machine.I2C(), address)


def ad527(model, bits):
    chip, device = spi(SimAd5270(bits)) if model in ("AD5270", "AD5271") else i2c(SimAd5272(bits), 0x2F)
    return chip, Board([Ad5270(model, device)])


def mcp(model, wipers, top, eeprom):
    chip, device = spi(SimMcp4251(wipers, top, eeprom))
    return chip, Board([Mcp4251(model, device)])


def x9c():
    cs, inc, ud = [machine.Pin(number, machine.Pin.OUT, value=number == 5) for number in (5, 6, 7)]
    chip = SimX9c(cs, inc, ud)
    return chip, Board([X9c("X9C103", cs, inc, ud)])


def ad5206():
    chip, device = spi(SimAd5206())
    return chip, Board([Ad5206("AD5206", device)])


def ds3502():
    chip, device = i2c(SimDs3502(), 0x28)
    return chip, Board([Ds3502("DS3502", device)])


def dac(sim, maker, **options):
    chip, device = i2c(sim, 0x60) if isinstance(sim, SimMcp4728) else spi(sim)
    return chip, Board(sources=[maker(device, **options)])


def adc(sim, maker, inputs):
    chip, device = spi(sim) if isinstance(sim, SimAd7124) else i2c(sim, 0x48)
    return chip, Board(inputs=[maker(device, inputs)])


WORDS_10 = (
    (":RES:COUN?", "1,1023", ""),
    (":RES:CODE 512;:RES:OPEN?", "0", "1c02 0600 2400 0800 0000 8001 0000"),
    (":RES:CODE?", "512", "0800 0000 8001 0000"),
    (":RES:CODE 1024;:RES:CODE 1,2;:RES:CODE x;:SYST:ERR?", '-222,"Data out of range"', ""),
    (":RES:OPEN;:RES:OPEN?", "1", "2401 8001 0000"),
    (":RES:CODE?", "512", "0800 0000 8001 0000"),
    (":RES:CODE 1023;:RES:CODE?", "1023", "1c02 07ff 2400 0800 0000 8001 0000 0800 0000 8001 0000"),
)
WORDS_8 = (
    (":RES:COUN?", "1,255", ""),
    (":RES:CODE 200;:RES:CODE?", "200", "1c02 0720 2400 0800 0000 8001 0000 0800 0000 8001 0000"),
    (":RES:OPEN", None, "2401 8001 0000"),
)


PAIR = (
    (":RES:COUN?", "2,256", ""),
    (":RES:CODE 256,3;:RES:CODE?", "256,3", "0100 1003 41ff 0cff 1cff 0cff 1cff"),
    (":RES:CODE 257,0;:RES:CODE -1,0;:RES:CODE 1;:SYST:ERR?", '-222,"Data out of range"', ""),
    (":RES:OPEN;:RES:OPEN?", "1", "4188"),
    (":RES:CODE?", "256,3", "0cff 1cff"),
    (":RES:CODE 0,128;:RES:OPEN?", "0", "0000 1080 41ff 0cff 1cff"),
)
PAIR_7 = (
    (":RES:COUN?", "2,128", ""),
    (":RES:CODE 128,3;:RES:CODE?", "128,3", "0080 1003 41ff 0cff 1cff 0cff 1cff"),
    (":RES:CODE 129,0;:SYST:ERR?", '-222,"Data out of range"', ""),
    (":RES:OPEN", None, "4188"),
)
SINGLE = (
    (":RES:COUN?", "1,256", ""),
    (":RES:CODE?", "128", ""),
    (":RES:CODE 255;:RES:CODE?", "255", "00ff 41ff"),
    (":RES:OPEN;:RES:CODE?", "255", "4188"),
)
SINGLE_7 = (
    (":RES:COUN?", "1,128", ""),
    (":RES:CODE 127;:RES:CODE?", "127", "007f 41ff"),
    (":RES:OPEN", None, "4188"),
)
QUAD = (
    (":RES:COUN?", "4,256", ""),
    (
        ":RES:CODE 1,2,256,4;:RES:CODE?",
        "1,2,256,4",
        "0001 1002 6100 7004 41ff a1ff 0cff 1cff 6cff 7cff 0cff 1cff 6cff 7cff",
    ),
    (":RES:OPEN", None, "4188 a188"),
)
QUAD_7 = (
    (":RES:COUN?", "4,128", ""),
    (":RES:CODE 1,2,128,4", None, "0001 1002 6080 7004 41ff a1ff 0cff 1cff 6cff 7cff"),
    (":RES:OPEN", None, "4188 a188"),
)

CASES = {
    "AD5270": (lambda: ad527("AD5270", 10), "1c02 8001 0000 2401 8001 0000", WORDS_10),
    "AD5271": (lambda: ad527("AD5271", 8), "1c02 8001 0000 2401 8001 0000", WORDS_8),
    "AD5272": (
        lambda: ad527("AD5272", 10),
        "2f:1c02 2f:2401",
        (
            (":RES:COUN?", "1,1023", ""),
            (":RES:CODE 700;:RES:CODE?", "700", "2f:1c02 2f:06bc 2f:2400 2f:0800 2f<02bc 2f:0800 2f<02bc"),
            (":RES:OPEN;:RES:OPEN?", "1", "2f:2401"),
        ),
    ),
    "AD5274": (
        lambda: ad527("AD5274", 8),
        "2f:1c02 2f:2401",
        ((":RES:CODE 200;:RES:COUN?", "1,255", "2f:1c02 2f:0720 2f:2400 2f:0800 2f<0320"),),
    ),
    "MCP4131": (lambda: mcp("MCP4131", 1, 128, False), "4188", SINGLE_7),
    "MCP4141": (lambda: mcp("MCP4141", 1, 128, True), "4188", SINGLE_7),
    "MCP4151": (lambda: mcp("MCP4151", 1, 256, False), "4188", SINGLE),
    "MCP4161": (lambda: mcp("MCP4161", 1, 256, True), "4188", SINGLE),
    "MCP4231": (lambda: mcp("MCP4231", 2, 128, False), "4188", PAIR_7),
    "MCP4241": (lambda: mcp("MCP4241", 2, 128, True), "4188", PAIR_7),
    "MCP4251": (lambda: mcp("MCP4251", 2, 256, False), "4188", PAIR),
    "MCP4261": (lambda: mcp("MCP4261", 2, 256, True), "4188", PAIR),
    "MCP4331": (lambda: mcp("MCP4331", 4, 128, False), "4188 a188", QUAD_7),
    "MCP4341": (lambda: mcp("MCP4341", 4, 128, True), "4188 a188", QUAD_7),
    "MCP4351": (lambda: mcp("MCP4351", 4, 256, False), "4188 a188", QUAD),
    "MCP4361": (lambda: mcp("MCP4361", 4, 256, True), "4188 a188", QUAD),
    "X9C": (
        x9c,
        "",
        ((":RES:COUN?;:RES:OPEN?", "1,99;1", ""), (":RES:CODE 30;:RES:CODE?", "30", ""), (":RES:OPEN", None, "")),
    ),
    "AD5206": (
        ad5206,
        "00ff 01ff 02ff 03ff 04ff 05ff",
        (
            (":RES:COUN?;:RES:CODE?", "6,255;128,128,128,128,128,128", ""),
            (":RES:CODE 1,2,3,4,5,6;:RES:CODE?", "1,2,3,4,5,6", "0001 0102 0203 0304 0405 0506"),
            (":RES:OPEN;:RES:CODE?;:RES:OPEN?", "1,2,3,4,5,6;1", "00ff 01ff 02ff 03ff 04ff 05ff"),
        ),
    ),
    "DS3502": (
        ds3502,
        "28:00 28<40 28:0280 28:02 28<80 28:007f",
        (
            (":RES:COUN?;:RES:CODE?", "1,127;64", ""),
            (":RES:CODE 5;:RES:CODE?", "5", "28:0280 28:02 28<80 28:0005 28:00 28<05"),
            (":RES:OPEN;:RES:CODE?", "5", "28:0280 28:02 28<80 28:007f"),
        ),
    ),
    "MCP4822": (
        lambda: dac(SimMcp4822(), Mcp4822),
        "3000 b000",
        (
            (":SOUR:VOLT 1,0.5,(@201,202);:SOUR:VOLT? (@202,201)", "0.5,1", "37d0 b3e8"),
            (":SOUR:VOLT 2.1,(@201);:SOUR:VOLT 1,(@203);:SOUR:VOLT -0.1,(@202);:SYST:ERR?", '-222,"Data out of range"', ""),
            (
                "*CLS;:SOUR:VOLT 2.047,(@201:202);:SOUR:VOLT 1,1,(@201);:SOUR:VOLT 1;:SYST:ERR?",
                '-121,"Invalid character in number"',
                "",
            ),
        ),
    ),
    "MCP4822 doubled, at 2.048 V": (
        lambda: dac(SimMcp4822(), Mcp4822, zero_v=2.048, doubled=True),
        "1800 9800",
        ((":SOUR:VOLT -1.024,(@202);:SOUR:VOLT? (@201,202)", "0,-1.024", "9400"),),
    ),
    "AD5689R": (
        lambda: dac(SimAd5689r(), Ad5689r),
        "310000 380000",
        ((":SOUR:VOLT 1.25,0.625,(@201,202);:SOUR:VOLT? (@201,202)", "1.25,0.625", "318000 384000"),),
    ),
    "MCP4728": (
        lambda: dac(SimMcp4728(), Mcp4728),
        None,
        (
            (
                ":SOUR:VOLT 1.024,(@203);:SOUR:VOLT? (@201,203)",
                "0,1.024",
                "60:448800 60<c08000c00000d08000d00000e08800e00000f08000f00000",
            ),
        ),
    ),
    "ADS1115": (
        lambda: adc(SimAds1115(lambda k: VOLTS[k]), Ads1115, [(0, "GND"), (0, 1), (2, 3)]),
        "",
        (
            (":READ?;:SYST:ERR?", '-221,"Settings conflict"', ""),
            (":INP:IMP:AUTO ON,(@101);:SYST:ERR?", '-221,"Settings conflict"', ""),
            (":SENS:VOLT:RANG 7,(@101);:SYST:ERR?", '-222,"Data out of range"', ""),
            (":SENS:VOLT:RANG 1,(@101:103);:SYST:ERR?", '-121,"Invalid character in number"', ""),
            (
                ":SENS:VOLT:RANG 2,(@101,102,103);:SENS:VOLT:NPLC 1,(@101);:INP:IMP:AUTO OFF,(@101);:ROUT:SCAN (@101,102,103)",
                None,
                "",
            ),
            (
                ":TRIG:COUN 1;:READ?",
                "0.5,-0.75,-0.1",
                "48:01c543 48<4543 48<c543 48:00 48<1f40 48:018543 48<0543 48<8543 48:00 48<d120 "
                "48:01b543 48<3543 48<b543 48:00 48<f9c0",
            ),
            (
                ":SENS:VOLT:RANG 0.256,(@103);:ROUT:SCAN (@103);:TRIG:COUN 2;:SENS:VOLT:NPLC 0.05,(@103);:READ?",
                "-0.1,-0.1",
                "48:01bbe3 48<3be3 48<bbe3 48:00 48<ce00 48:01bbe3 48<3be3 48<bbe3 48:00 48<ce00",
            ),
            (":SENS:VOLT:RANG 0.256,(@101);:ROUT:SCAN (@101);:TRIG:COUN 1;:READ?", "9.9e+37", None),
        ),
    ),
    "MCP3424": (
        lambda: adc(SimMcp3424(lambda k: VOLTS[k]), Mcp3424, [(0,), (1,), (2,), (3,)]),
        "",
        (
            (
                ":SENS:VOLT:RANG 2,(@101,103);:SENS:VOLT:NPLC 4,(@101);:ROUT:SCAN (@101,103);:READ?",
                "0.5,-0.1",
                "48:88 48<1f4088 48<1f4008 48<1f4008 48:c8 48<f9c0c8 48<f9c048 48<f9c048",
            ),
            (
                ":SENS:VOLT:RANG 0.25,(@103);:SENS:VOLT:NPLC 25,(@103);:ROUT:SCAN (@103);:READ?",
                "-0.1",
                "48:cf 48<ff3800cf 48<ff38004f 48<ff38004f",
            ),
            (":SENS:VOLT:RANG 2.1,(@101);:SYST:ERR?", '-222,"Data out of range"', ""),
        ),
    ),
    "AD7124": (
        lambda: adc(SimAd7124(lambda k: VOLTS[k]), Ad7124, [(0, "GND"), (1, 0)]),
        "ffffffffffffffff",
        (
            (":SENS:VOLT:RANG 10,(@101);:SYST:ERR?", '-222,"Data out of range"', ""),
            (
                ":SENS:VOLT:RANG 2,(@101,102);:INP:IMP:AUTO ON,(@101,102);:ROUT:SCAN (@101,102);:READ?",
                "0.50000012,0.74999988",
                "190850 21060180 098011 42000000 010184 4000 4000 4000 42000000 "
                "190870 21060180 098020 42000000 010184 4000 4000 4000 42000000",
            ),
            (":SENS:VOLT:RANG 1,(@102);:SENS:VOLT:NPLC 0.1,(@102);:ROUT:SCAN (@102);:READ?", "0.75000003", None),
        ),
    ),
}


def text(log):
    words = []
    for place, sent, answer in log:
        if place >= 0x28:
            words.append(f"{place:02x}:{sent.hex()}" if sent else f"{place:02x}<{answer.hex()}")
        else:
            words.append(sent.hex())
    return " ".join(words)


def fresh():
    machine.wired.clear()
    machine.addressed.clear()
    machine.Pin.made.clear()
    machine.log.clear()


def transcript(name):
    """(chip, bus at the start, [(answer, bus) of each line])."""
    fresh()
    make, _, lines = CASES[name]
    chip, board = make()
    start, found = text(machine.log), []
    for sent, _, _ in lines:
        machine.log.clear()
        answer = board.line(sent.encode())
        found.append((answer, text(machine.log)))
    return chip, start, found


def wrong():
    """What is not as it should be, and permanent memory that was written; the whole suite."""
    faults = []
    for name, (_, wanted, lines) in CASES.items():
        chip, start, found = transcript(name)
        if wanted is not None and start != wanted:
            faults.append(f"{name}: at the start {start}, not {wanted}")
        for k, (sent, answer, bus) in enumerate(lines):
            if found[k][0] != answer:
                faults.append(f"{name}: {sent} answers {found[k][0]}, not {answer}")
            if bus is not None and found[k][1] != bus:
                faults.append(f"{name}: {sent} sends {found[k][1]}, not {bus}")
        if chip.burnt:
            faults.append(f"{name}: permanent memory was written {chip.burnt} times")
    return faults
