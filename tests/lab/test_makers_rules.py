"""Instruments that follow their makers' rules more strictly than most: what a bench must not lose by that."""

from __future__ import annotations

from typing import Any

import pytest
from speaking import SPEAKING
from test_virtual import network, station

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import SourceMeter, Wired
from hwlearn.lab.instruments.scpi.session import Refused, Session
from hwlearn.lab.virtual import VirtualBench
from hwlearn.lab.virtual.scpi import ScpiError

METERS = [name for name in SPEAKING if issubclass(DRIVERS.get(name), SourceMeter)]


@pytest.fixture(params=METERS)
def meter(request: pytest.FixtureRequest) -> Any:
    """A source meter that drops what follows a refused command, at 0.1 mA, and its virtual instrument."""
    name = request.param
    with VirtualBench(network(), station(smu=name)) as virtual:
        twin = virtual.instruments["smu"]
        twin.drops_rest = True
        made = DRIVERS.get(name)(Session(virtual.resources["smu"], name="smu", timeout=0.2))
        made.limit("1", volts=2.0, amperes=1e-3, nplc=1.0)
        made.inject("1", 1e-4)
        assert twin.channels["1"].on
        yield made, twin
        made.close()


def test_a_refused_setting_cannot_keep_an_output_on(meter: Any) -> None:
    made, twin = meter
    refused = twin.command

    def command(given: Any) -> str | None:
        if given.header.startswith(("SOUR:CURR", "SOUR:VOLT", "SENS")):
            raise ScpiError(-222, "Data out of range")
        return refused(given)

    twin.command = command
    with pytest.raises(Refused):
        made.inject("1", 2e-4)
    made.safe(Wired(nudge=("1",)))
    assert not twin.channels["1"].on


def test_an_output_that_says_it_is_on_is_not_safe(meter: Any) -> None:
    made, twin = meter
    obeyed = twin.command
    twin.command = lambda given: None if given.header == "OUTP" else obeyed(given)
    with pytest.raises(InstrumentError, match=r"smu .*was told ':OUTP1? OFF', twice, and answers '1' to ':OUTP1?\?'"):
        made.safe(Wired(nudge=("1",)))


@pytest.mark.parametrize("fault", ["mute", "drop", "garbage", "half"])
def test_an_output_goes_off_after_a_fault_of_the_line(meter: Any, fault: str) -> None:
    made, twin = meter
    twin.faults.add(fault)
    made.safe(Wired(nudge=("1",)))
    assert not twin.channels["1"].on


def test_the_reason_of_a_refusal_is_not_lost_with_the_answer(meter: Any) -> None:
    made, twin = meter
    with pytest.raises(Refused, match=r"smu .*refused ':SOUR1?:NONSENSE 1;\*OPC\?': -113,\"Undefined header\""):
        made.session.tell(f"{made._levels('1')[0].removesuffix(':CURR')}:NONSENSE 1")
    assert made.recoveries == 0
    assert sum("NONSENSE" in line for line in twin.lines) == 1
    made.inject("1", 5e-5)
    assert made.read("1").amperes == pytest.approx(5e-5)


def test_an_old_refusal_is_not_blamed_on_the_message_after_an_interruption(meter: Any) -> None:
    made, twin = meter
    twin._errors.append('-222,"Data out of range"')
    made.session._waiting = True  # as after Ctrl-C
    made.inject("1", 5e-5)
    assert made.read("1").amperes == pytest.approx(5e-5)
