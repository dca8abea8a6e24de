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
from hwlearn.lab.instruments.scpi import visa
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
    return visa._files(account, resource)[0].path


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
    lock_of(bench.resources["smu"], visa.ACCOUNT).mkdir()  # nobody can lock a folder, not even root
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
    assert visa.canonical("ASRL/dev/ttyACM0::INSTR") != visa.canonical("ASRL/dev/ttyacm0::INSTR")
    assert visa.canonical("GPIB::12::INSTR") == visa.canonical("gpib0::12")
    assert visa.canonical("TCPIP::10.0.0.1::INSTR") == visa.canonical("TCPIP0::10.0.0.1::inst0::INSTR")
    assert visa.canonical("TCPIP::10.0.0.1::INSTR") != visa.canonical("TCPIP::10.0.0.1::5025::SOCKET")


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
