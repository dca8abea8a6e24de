"""What ends or holds Python ends a child, and is an error."""

import os
import time

import psutil
import pytest
from processes import PATIENCE

from hwlearn.spice.apart import DeadError, apart, apart_anew


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setenv("HWLEARN_READ_SECONDS", "1")
    monkeypatch.setattr("hwlearn.spice.apart.PATIENCE", PATIENCE)  # the child may have to wait for a core
    apart_anew(os.getpid)  # the next child has the limit
    yield
    monkeypatch.undo()
    apart_anew(os.getpid)


def _serving() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "apart" in " ".join(child.cmdline())]


def test_a_child_that_dies_is_an_error_and_the_next_question_is_answered():
    with pytest.raises(DeadError, match="SIGABRT"):
        apart(os.abort)
    assert apart(abs, -3) == 3


def test_a_question_without_end_is_ended():
    with pytest.raises(DeadError, match="does not end within 1 s"):
        apart(pow, 7, 10**9)
    assert not _serving()


def test_memory_is_limited():
    with pytest.raises(DeadError, match="HWLEARN_READ_MB"):
        apart(bytes, 2 * 10**9)


def test_an_answer_is_remembered():
    assert apart(time.time_ns) == apart(time.time_ns)


def test_errors_are_those_of_the_function():
    with pytest.raises(ValueError, match="invalid literal"):
        apart(int, "x")
    assert len(_serving()) == 1


def test_a_fork_has_a_child_of_its_own():
    mine = apart(os.getpid)
    read, write = os.pipe()
    if not (pid := os.fork()):
        os.write(write, str(apart(os.getppid)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(read, 20)) == pid
    assert apart(os.getpid) == mine
    os.close(read)
    os.close(write)
