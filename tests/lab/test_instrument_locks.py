"""Locks of instruments: between accounts, spellings and programs; and a resource manager that somebody else closes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.connection import make_safe
from hwlearn.lab.instruments.scpi import holds, visa
from hwlearn.lab.instruments.scpi.names import canonical, serial_number
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench

fcntl = pytest.importorskip("fcntl")  # of POSIX
ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[VirtualBench, Any]]:
    """A virtual bench with its source meter on, and a station that reaches it as real instruments are reached."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = ROOT / "stations" / "allostery.toml"
    with VirtualBench(load_experiment(ROOT / "netlists" / "allostery-bench.toml").network, load_station(path)) as bench:
        text = path.read_text(encoding="utf-8").replace('backend = "virtual"', 'backend = "@py"')
        for name, resource in bench.resources.items():
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
        made = tmp_path / "station.toml"
        made.write_text(text, encoding="utf-8")
        bench.instruments["smu"].answer(":OUTP ON")
        bench.instruments["dac"].answer(":SOUR:VOLT 1,(@1)")
        yield bench, load_station(made)


def assert_safe(bench: VirtualBench) -> None:
    assert not bench.instruments["smu"].channels["1"].on  # type: ignore[attr-defined]
    assert bench.instruments["dac"].volts["1"] == 0  # type: ignore[attr-defined]
    assert bench.instruments["pots"].opened  # type: ignore[attr-defined]


def lock_of(resource: str, account: str) -> Path:
    return holds.lock_file(account, canonical(resource))


def test_a_lock_file_that_another_account_left_behind_locks_nobody_out(served: Any) -> None:
    bench, station = served
    for resource in bench.resources.values():
        lock_of(resource, "4711").touch()
    Session(bench.resources["smu"], name="smu").close()
    make_safe(station)
    assert_safe(bench)


def test_what_another_account_uses_is_refused_and_made_safe_all_the_same(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench, station = served
    lock = lock_of(bench.resources["smu"], "4711")
    lock.with_suffix(".pid").write_text("42")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InstrumentError, match="in use by process 42 of account 4711"):
            Session(bench.resources["smu"], name="smu")
        make_safe(station)
    assert_safe(bench)
    assert "in use by process 42 of account 4711; made safe all the same" in caplog.text


def test_safe_needs_no_lock(served: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench, station = served
    lock_of(bench.resources["smu"], holds.ACCOUNT).mkdir()  # nobody can lock a folder, not even root
    with pytest.raises(InstrumentError, match=r"smu .*cannot be locked: .*; let its owner delete it, or set TMPDIR"):
        Session(bench.resources["smu"], name="smu")
    make_safe(station)
    assert_safe(bench)
    assert "cannot be locked" in caplog.text


def test_whatever_one_raises_the_others_become_safe(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, station = served

    def leave(*_: object, **__: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(station.drivers["smu"], "connect", leave)
    with pytest.raises(InstrumentError, match="NOT SAFE: smu: 3"):
        make_safe(station)
    assert bench.instruments["dac"].volts["1"] == 0
    assert bench.instruments["pots"].opened


@pytest.mark.parametrize(
    "spelling",
    ["TCPIP0::127.0.0.1::{}::SOCKET", "TCPIP::localhost::{}::SOCKET", "tcpip::127.0.0.1::{}::socket"],
)
def test_two_spellings_are_one_instrument(served: Any, spelling: str) -> None:
    bench, _ = served
    resource = bench.resources["smu"]
    session = Session(resource, name="smu")
    with pytest.raises(InstrumentError, match=f"in use by process {os.getpid()}"):
        Session(spelling.format(resource.split("::")[2]), name="again")
    session.close()


def test_serial_ports_and_buses_keep_their_names() -> None:
    assert canonical("ASRL/dev/ttyACM0::INSTR") != canonical("ASRL/dev/ttyacm0::INSTR")
    assert canonical("GPIB::12::INSTR") == canonical("gpib0::12")
    assert canonical("TCPIP::10.0.0.1::INSTR") == canonical("TCPIP0::10.0.0.1::inst0::INSTR")
    assert canonical("TCPIP::10.0.0.1::INSTR") != canonical("TCPIP::10.0.0.1::5025::SOCKET")


def test_a_resource_manager_that_others_close_is_made_anew(served: Any) -> None:
    bench, station = served
    session = Session(bench.resources["daq"], name="daq")
    pyvisa.ResourceManager("@py").close()
    assert session.ask(":ROUT:SCAN:SIZE?") == ["+0"]
    session.close()
    pyvisa.ResourceManager("@py").close()
    make_safe(station)
    assert_safe(bench)


def test_an_old_entry_of_the_error_queue_is_reported_and_blamed_on_nobody(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench, station = served
    for instrument in bench.instruments.values():
        instrument._errors += ['-222,"Data out of range"', '-113,"Undefined header"']
    make_safe(station)
    assert_safe(bench)
    assert 'smu: has in its error queue, from before: -222,"Data out of range"' in caplog.text
    assert "not safe" not in caplog.text


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("USB0::0x05E6::0x2450::04400000::INSTR", "usb::1510::9296::04400000"),
        ("GPIB0::5::INSTR", "GPIB::05"),
        ("ASRLCOM3::INSTR", "ASRL3"),
        ("TCPIP::localhost::5025::SOCKET", "tcpip0::LOCALHOST::5025::socket"),
        ("TCPIP::127.0.0.1::INSTR", "TCPIP0::localhost::inst0::INSTR"),
    ],
)
def test_each_instrument_has_one_canonical_name(one: str, two: str) -> None:
    assert canonical(one) == canonical(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("USB0::0x05E6::0x2450::04400000::INSTR", "USB0::0x05E6::0x2450::4400000::INSTR"),
        ("GPIB0::5::INSTR", "GPIB1::5::INSTR"),
        ("GPIB0::5::INSTR", "GPIB0::5::1::INSTR"),
        ("TCPIP::localhost::5025::SOCKET", "TCPIP::localhost::5026::SOCKET"),
    ],
)
def test_two_instruments_have_two_names(one: str, two: str) -> None:
    assert canonical(one) != canonical(two)


def test_a_link_to_a_port_is_that_port(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/ttyUSB7")
    assert canonical(f"ASRL{tmp_path}/by-id::INSTR") == canonical("ASRL/dev/ttyUSB7::INSTR")


def test_an_instrument_that_is_reached_in_two_ways_is_locked_once_it_has_said_who_it_is(served: Any) -> None:
    bench, _ = served
    for name in ("smu", "dac"):  # two ports of one instrument
        bench.instruments[name].identity = "KEITHLEY INSTRUMENTS,MODEL 2450,04400123,1.7.12b"
    session = Session(bench.resources["smu"], name="smu")
    with pytest.raises(InstrumentError, match=rf"again .*in use by process {os.getpid()}; is it another name"):
        Session(bench.resources["dac"], name="again")
    session.close()
    Session(bench.resources["dac"], name="again").close()


@pytest.mark.parametrize("identity", ["HWLEARN,RESISTORS,0,1.0", "MAKER,BOX,1,2", "MAKER,BOX", "MAKER,BOX,00000,1"])
def test_what_is_no_serial_number_locks_nothing(identity: str) -> None:
    assert serial_number(identity) == ""


class Bus:
    """A resource whose first answer comes too late. On a bus it stays in the instrument until a device clear."""

    def __init__(self, keeps: bool) -> None:
        self.keeps = keeps
        self.done: list[str] = []
        self.answers: list[bytes] = []

    def open_resource(self, resource: str) -> Bus:
        self.done.append("open")
        return self

    def clear(self) -> None:
        self.done.append("clear")
        self.answers.clear()

    def close(self) -> None:
        self.done.append("close")
        self.answers = self.answers if self.keeps else []

    def write_raw(self, raw: bytes) -> None:
        message = raw.decode().strip()
        self.done.append(message)
        answer = b"x\n" if message == "*IDN?" else b'7;0,"No error"\n' if message.startswith(":ECHO?") else b'0,"No error"\n'
        self.answers.append(answer)

    def read_raw(self) -> bytes:
        if self.done.count(":ECHO?;:SYST:ERR?") == 1 and self.done[-1].startswith(":ECHO?"):
            raise TimeoutError
        return self.answers.pop(0)

    def flush(self, which: object) -> None:
        self.done.append("flush")


@pytest.mark.parametrize(
    ("resource", "clears"),
    [
        ("GPIB0::5::INSTR", True),
        ("USB0::0x05E6::0x2450::04400000::INSTR", True),
        ("usb::0x05E6::0x2450::04400000", True),
        ("TCPIP::127.0.0.1::INSTR", True),
        ("TCPIP::127.0.0.1::hislip0::INSTR", True),
        ("TCPIP::127.0.0.1::5025::SOCKET", False),
    ],
)
def test_recovery_on_a_bus_sends_a_device_clear(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resource: str, clears: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bus = Bus(keeps=clears)
    monkeypatch.setattr(visa, "_manager", lambda backend: bus)
    session = Session(resource, name="smu")
    bus.done.clear()
    assert session.ask(":ECHO?") == ["7"]
    session.close()
    again = ["close", "open", *(["clear"] if clears else []), "*IDN?"]
    assert bus.done[1:5] == [*again, ":SYST:ERR?"][:4]
