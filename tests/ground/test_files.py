"""Files are written where they were meant to be, and whole or not at all."""

import os
import resource
import signal
import stat
import subprocess
import sys

import pytest
from processes import PATIENCE

from hwlearn import files
from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.scpi.visa import Line, Visa
from hwlearn.locks import Busy, Lock

WRITERS = {
    "create": lambda path: files.create(path, b"new"),
    "replace": lambda path: files.replace(path, b"new"),
    "renewed": lambda path: files.renewed(path).close(),
    "added_to": lambda path: files.added_to(path).close(),
    "read": files.read,
    "lock": lambda path: Lock(path).acquire(),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_refused(tmp_path, name, dangling):
    outside, link = tmp_path / "outside", tmp_path / "link"
    if not dangling:
        outside.write_text("kept")
    link.symlink_to(outside)
    with pytest.raises(OSError, match=r"link|exists|symbolic"):
        WRITERS[name](link)
    assert outside.exists() != dangling
    assert dangling or outside.read_text() == "kept"


def test_links_beside_a_file_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tmp_path / "file.new").symlink_to(outside)
    files.replace(tmp_path / "file", b"content")
    assert (outside.read_text(), (tmp_path / "file").read_text()) == ("kept", "content")
    assert sorted(os.listdir(tmp_path)) == ["file", "outside"]


def test_a_hard_link_is_left_as_it_was(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("kept")
    for name, write in WRITERS.items():
        (tmp_path / name).hardlink_to(outside)
        if name in ("added_to", "create"):
            with pytest.raises(OSError, match=r"hard link|exists"):
                write(tmp_path / name)
        else:
            write(tmp_path / name)
    assert outside.read_text() == "kept"


@pytest.mark.parametrize("name", ["replace", "added_to", "read"])
def test_only_plain_files_are_taken(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for odd in ("pipe", "folder"):
        with pytest.raises(OSError, match=r"plain file|directory"):
            WRITERS[name](tmp_path / odd)
        assert (tmp_path / odd).exists()


def test_what_is_replaced_keeps_its_permissions(tmp_path):
    file = tmp_path / "file"
    files.create(file, b"old")
    file.chmod(0o600)
    files.replace(file, b"new")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0o600, b"new")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    file = tmp_path / "file"
    files.create(file, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError, match="too large"):
            files.replace(file, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (os.listdir(tmp_path), file.read_bytes()) == (["file"], b"old")


def test_a_lock_is_for_one_and_leaves_nothing(tmp_path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    with first, pytest.raises(Busy):
        second.acquire()
    assert os.listdir(tmp_path) == []
    with second, pytest.raises(Busy):
        first.acquire()
    assert os.listdir(tmp_path) == []


HOLDERS = """
import sys
from pathlib import Path
from hwlearn.locks import Busy, Lock
path, inside, held = Path(sys.argv[1]), Path(sys.argv[2]), 0
while held < 100:
    try:
        with Lock(path):
            inside.mkdir()
            inside.rmdir()
            held += 1
    except Busy:
        pass
"""


def test_no_two_processes_hold_a_lock_that_is_deleted_each_time(tmp_path):
    command = [sys.executable, "-c", HOLDERS, str(tmp_path / "lock"), str(tmp_path / "inside")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=PATIENCE)[1] for process in processes] == ["", "", ""]
    assert os.listdir(tmp_path) == []


def test_a_fork_does_not_give_a_lock_back(tmp_path):
    with Lock(tmp_path / "lock") as lock:
        child = os.fork()
        if child == 0:
            lock.release()
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(Busy):
            Lock(tmp_path / "lock").acquire()


def test_an_instrument_leaves_nothing_beside_other_programs(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = {"backend": "@py", "line": Line()}
    for number in range(3):
        visa = Visa(f"TCPIP::localhost::{5000 + number}::SOCKET", name="dmm", **options)
        with pytest.raises(InstrumentError, match=f"in use by process {os.getpid()}"):
            Visa(visa.resource, name="dmm", **options)
        visa.close()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("end", ["lock", "pid"])
def test_a_link_in_the_place_of_the_file_of_an_instrument_is_refused(tmp_path, monkeypatch, end):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = {"name": "dmm", "backend": "@py", "line": Line()}
    Visa("TCPIP::localhost::5000::SOCKET", **options)
    (lock,) = tmp_path.glob("*.lock")
    outside = tmp_path / "outside"
    outside.write_text("kept")
    lock.with_suffix(f".{end}").unlink()
    lock.with_suffix(f".{end}").symlink_to(outside)
    with pytest.raises(InstrumentError, match="cannot be locked"):
        Visa("TCPIP::localhost::5000::SOCKET", **options)
    assert outside.read_text() == "kept"
