"""Signals that end a process leave through every `finally`."""

import os
import signal

import pytest

from hwlearn.bench.signals import ENDING, ending_signals_raise


@pytest.mark.parametrize("number", ENDING)
def test_ending_signals_raise_system_exit_and_are_put_back(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ending_signals_raise():
        os.kill(os.getpid(), number)
        signal.sigtimedwait([], 1)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before
