"""Nothing of a virtual bench is waited for but its answers, and these are: no time-out runs out because they are slow.

See tests/support/attention.py.
"""

import time

import pytest
from attention import SERVED, Attention
from processes import PATIENCE
from pyvisa.constants import StatusCode
from pyvisa.errors import VisaIOError

from hwlearn.lab.instruments.scpi.visa import Visa
from hwlearn.lab.virtual import VirtualBench
from hwlearn.lab.virtual.faults import Faults
from hwlearn.lab.virtual.scpi import ScpiInstrument

LAST_LOOK = 0.02
"""Seconds in which an answer is found that was sent."""


@pytest.fixture(scope="module", autouse=True)
def _firmware_waits_for_no_relay():
    """The channels of virtual boards settle at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hwlearn.lab.firmware.parts.pause", lambda milliseconds=1: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _only_silence_times_out():
    with pytest.MonkeyPatch.context() as patch:
        _instruments_count(patch)
        _clients_wait(patch)
        yield


def _instruments_count(patch):
    made, transport, send = VirtualBench.__init__, Faults.transport, ScpiInstrument._send

    def make(self, *arguments):
        made(self, *arguments)
        for name, instrument in self.instruments.items():
            SERVED[self.resources[name]] = _counting(instrument)

    def fault(self):
        found = transport(self)
        if found in ("mute", "late"):
            self.attention.ends()
        return found

    async def sent(self, writer, answer):
        try:
            return await send(self, writer, answer)
        finally:
            self.faults.attention.sent += 1
            self.faults.attention.ends()

    patch.setattr(VirtualBench, "__init__", make)
    patch.setattr(Faults, "attention", Attention(), raising=False)
    patch.setattr(Faults, "transport", fault)
    patch.setattr(ScpiInstrument, "_send", sent)


def _counting(instrument):
    attention = instrument.faults.attention = Attention()
    answers = instrument.answer

    def answer(line):
        attention.begins()
        found = None
        try:
            found = answers(line)
        finally:
            if found is None:
                attention.ends()
        return found

    instrument.answer = answer
    return attention


def _clients_wait(patch):
    write, read = Visa.write, Visa.read

    def wrote(self, message, timeout):
        if (attention := SERVED.get(self.resource)) is not None:
            self.heard = attention.heard
        write(self, message, timeout)

    def reads(self, timeout):
        attention, until = SERVED.get(self.resource), time.monotonic() + PATIENCE
        if attention is None:
            return read(self, timeout)
        while True:
            silent = attention.silent_since(self.heard) or time.monotonic() > until
            try:
                return read(self, LAST_LOOK if silent else timeout)
            except VisaIOError as error:
                if silent or error.error_code != StatusCode.error_timeout:
                    raise

    patch.setattr(Visa, "heard", 0, raising=False)
    patch.setattr(Visa, "write", wrote)
    patch.setattr(Visa, "read", reads)
