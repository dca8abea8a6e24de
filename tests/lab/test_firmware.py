"""The board's firmware, byte for byte on every chip, under CPython and under MicroPython."""

import os
import re
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "hwlearn" / "lab" / "firmware"
SUPPORT = ROOT / "tests" / "support" / "pico"
LINES = int(os.environ.get("HWLEARN_FUZZED_LINES", "2000"))
LINES_OF_A_SEED = 1000
pytestmark = pytest.mark.timeout(300 + LINES / 50)
MICROPYTHON = os.environ.get("HWLEARN_MICROPYTHON", "")
"""micropython.mjs of the npm package @micropython/micropython-webassembly-pyscript; .ci/run installs it."""


@pytest.fixture(scope="module")
def pico():
    """What the Pico would import, and a simulated `machine`."""
    paths = [str(SUPPORT), str(FIRMWARE.parent)]
    before = set(sys.modules)
    sys.path[:0] = paths
    import fuzz
    import suite

    yield suite, fuzz
    for path in paths:
        sys.path.remove(path)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"suite", "fuzz", "machine", "chips_sim", "firmware"}:
            del sys.modules[name]


def test_every_chip_is_told_the_bytes_of_its_data_sheet_and_no_permanent_memory_is_written(pico):
    suite, _ = pico
    assert suite.wrong() == []


def test_the_suite_has_every_model(pico):
    from firmware.chips import ad5270, mcp4251

    suite, _ = pico
    assert not {*ad5270.BITS, *mcp4251.MODELS} - {*suite.CASES}


def test_what_was_set_is_what_the_chips_have(pico):
    suite, _ = pico
    for name, (make, _, _) in suite.CASES.items():
        suite.fresh()
        chip, board = make()
        if not board.resistors.count:
            continue
        codes = [k + 1 for k in range(board.resistors.count)]
        assert board.line(f":RES:CODE {','.join(map(str, codes))};:RES:OPEN?".encode()) == "0", name
        assert chip.codes() == codes, name
        board.line(b":RES:OPEN")
        top = board.resistors.chips[0].top
        assert chip.codes() in ([None] * len(codes), [top] * len(codes)), name  # open, or the largest resistance
        assert board.line(b":RES:CODE?").split(",") == [str(code) for code in codes], name


def test_a_chip_that_is_gone_is_an_error_and_the_others_open(pico):
    _, fuzz = pico
    import machine

    board, (pair, _, one, _, _) = fuzz.board()
    board.line(b":RES:CODE 1,2,3,4,5,6,7,8,9,10")
    del machine.addressed[(0, 0x28)]
    assert board.line(b":RES:OPEN;:RES:OPEN?;:SYST:ERR?") == '0;-240,"Hardware error"'
    assert pair.codes() == [None, None]
    assert one.codes() == [None]


def test_an_ad5270_lets_go_of_the_wire_to_which_others_answer(pico):
    suite, _ = pico
    import machine
    from firmware.board import Board
    from firmware.buses import SpiDevice
    from firmware.chips.ad5270 import Ad5270
    from firmware.chips.mcp4251 import Mcp4251

    suite.fresh()
    machine.wired.update({5: suite.SimAd5270(10), 6: suite.SimMcp4251(2, 256, False)})
    first, second = (SpiDevice(machine.SPI(), machine.Pin(number, machine.Pin.OUT)) for number in (5, 6))
    board = Board([Ad5270("AD5270", first), Mcp4251("MCP4251", second)])
    assert board.line(b":RES:CODE 300,2,3;:RES:CODE?;:RES:OPEN;:RES:CODE?;:SYST:ERR?") == '300,2,3;300,2,3;0,"No error"'


@pytest.mark.parametrize("stuck", ["AD5270", "MCP4251", "DS3502"])
def test_a_code_that_the_chip_did_not_take_is_an_error(pico, stuck, monkeypatch):
    suite, _ = pico
    suite.fresh()
    chip, board = suite.CASES[stuck][0]()
    for name in ("end", "write", "execute"):
        if hasattr(chip, name):
            monkeypatch.setattr(chip, name, lambda *_: None)
    board.line(b":RES:CODE 3" + b",3" * (board.resistors.count - 1))
    assert board.line(b":SYST:ERR?") == '-240,"Hardware error"'


def test_a_switch_makes_its_levels_by_way_of_ground_and_no_others(pico):
    suite, _ = pico
    import machine
    from firmware.board import Board
    from firmware.chips.cd4053 import Cd4053

    suite.fresh()
    pins = [(machine.Pin(2 * k), machine.Pin(2 * k + 1)) for k in range(2)]
    board = Board(sources=[Cd4053(pins, -1.505, 1.505)])

    def levels():
        return [(1.505 if high.value() else -1.505) if driven.value() else 0.0 for high, driven in pins]

    assert levels() == [0.0, 0.0]
    seen = []
    pins[0][0].watch(lambda *_: seen.append(levels()[0]))
    for asked in ((1.5, -1.5), (-1.5, 1.5), (0.0, 1.5)):
        told = board.line(f":SOUR:VOLT {asked[0]},{asked[1]},(@201,202);:SOUR:VOLT? (@201,202)".encode())
        assert [float(value) for value in told.split(",")] == levels()
        np.testing.assert_allclose(levels(), asked, atol=0.01)
    assert seen
    assert not any(seen)  # the switch between levels moves while the channel is at ground
    assert board.line(b":SOUR:VOLT 0.75,(@201);:SYST:ERR?") == '-222,"Data out of range"'
    assert levels() == [0.0, 1.505]


def test_fuzzed_lines_stop_nothing(pico):
    _, fuzz = pico
    assert fuzz.run(LINES) > LINES / 10


def test_an_endless_line_takes_no_memory_and_its_tail_is_no_command(pico):
    _, fuzz = pico
    board, _ = fuzz.board()
    board.line(b":RES:CODE 1,2,3,4,5,6,7,8,9,10")
    for byte in b"x" * 2000:
        board.feed(byte)
    endless = b";:RES:OPEN" * 20_000
    tracemalloc.start()
    for byte in endless:
        assert board.feed(byte) is None
    assert tracemalloc.get_traced_memory()[1] < 10_000
    tracemalloc.stop()
    assert board.feed(10) is None
    assert board.line(b":RES:OPEN?;:SYST:ERR?") == '0;-363,"Input buffer overrun"'


def test_the_queue_says_when_it_was_full(pico):
    _, fuzz = pico
    board, _ = fuzz.board()
    for _ in range(30):
        board.line(b":NOT:THERE")
    told = [board.line(b":SYST:ERR?") for _ in range(17)]
    assert told == ['-113,"Undefined header"'] * 15 + ['-350,"Queue overflow"', '0,"No error"']


def test_it_starts_open_and_at_0_v_whatever_the_chips_have(pico):
    _, fuzz = pico
    board, (pair, _, one, _, dac) = fuzz.board()
    assert board.line(b":RES:OPEN?;:SOUR:VOLT? (@201,202,203,204)") == "1;0,0,0,0"
    assert (pair.codes(), one.codes(), dac.volts()) == ([None, None], [None], [0.0] * 4)


def test_the_watchdog_opens_and_tells_0_v(pico, monkeypatch):
    _, fuzz = pico
    from firmware import board as module

    now = [0]
    monkeypatch.setattr(module, "ticks", lambda: now[0])
    monkeypatch.setattr(module, "ticks_since", lambda start: now[0] - start)
    board, (pair, _, _, _, dac) = fuzz.board()
    board.line(b":SYST:WDOG 2;:RES:CODE 1,2,3,4,5,6,7,8,9,10;:SOUR:VOLT 1.024,(@201)")
    for now[0] in (500, 1999):
        board.tick()
    assert (pair.codes(), dac.volts()[0]) == ([1, 2], 1.024)
    board.line(b"*OPC?")
    now[0] = 3999
    board.tick()
    assert pair.codes() == [1, 2]
    now[0] = 4001
    board.tick()
    assert (pair.codes(), dac.volts()[0]) == ([None, None], 0.0)
    assert board.line(b":RES:OPEN?;:RES:CODE?") == "1;1,2,3,4,5,6,7,8,9,10"


def test_no_source_names_a_command_for_permanent_memory():
    """Belt and braces beside the bytes: the firmware knows no name for it."""
    for path in FIRMWARE.rglob("*.py"):
        code = "\n".join(line.partition("#")[0] for line in path.read_text(encoding="utf-8").splitlines())
        code = re.sub(r'""".*?"""', "", code, flags=re.DOTALL)
        assert not re.search(r"eeprom|50.?tp|permanent|nonvol|store", code, re.IGNORECASE), path


@pytest.mark.skipif(
    not (MICROPYTHON and shutil.which("node")), reason="HWLEARN_MICROPYTHON names no micropython.mjs, or there is no node"
)
def test_the_suite_and_fuzzed_lines_under_micropython(tmp_path):
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns("__pycache__", "pico"))
    for path in SUPPORT.glob("*.py"):
        shutil.copy(path, tmp_path)
    seeds = range(1, 1 + -(-LINES // LINES_OF_A_SEED))  # memory is collected between pieces
    pieces = ["import sys, suite, fuzz", "print(sys.implementation.name, suite.wrong())"]
    pieces += [f"assert fuzz.run({LINES_OF_A_SEED}, {seed}) > {LINES_OF_A_SEED} / 10" for seed in seeds]
    (tmp_path / "go.txt").write_text("\n\n".join(pieces), encoding="utf-8")
    command = ["node", SUPPORT / "run.mjs", MICROPYTHON, tmp_path, tmp_path / "go.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200 + LINES / 50)
    assert (done.stdout.strip(), done.returncode) == ("micropython []", 0), done.stderr
