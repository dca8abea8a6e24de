"""Signals that end a process leave through every `finally`."""

import os
import signal

import pytest

from hwlearn.lab.instruments.signals import ENDING, ending_signals_raise


@pytest.mark.usefixtures("terminal_signals")
@pytest.mark.parametrize("number", ENDING)
def test_ending_signals_raise_system_exit_and_are_put_back(number):
    before = signal.getsignal(number)
    with ending_signals_raise(), pytest.raises(SystemExit) as ended:
        os.kill(os.getpid(), number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before
