"""Scanners that follow their makers' rules, whatever somebody left them in: the right reading, or a named refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from speaking import SPEAKING
from test_virtual import network, station

from hwlearn import Drive, Open
from hwlearn.errors import InstrumentError, StationError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.roles import Scanner, Wired
from hwlearn.lab.instruments.scpi.session import Session
from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing.nodal import modified_nodal

SCANNERS = [name for name in SPEAKING if issubclass(DRIVERS.get(name), Scanner)]
WITH_RELAYS = [name for name in SCANNERS if not name.startswith("scpi")]
KEYSIGHT = [name for name in SCANNERS if name.startswith("keysight")]
IMPEDANCE = {
    "keysight_34970a": ":INP:IMP:AUTO",
    "keysight_34980a": ":VOLT:IMP:AUTO",
    "keysight_daq970a": ":VOLT:DC:IMP:AUTO",
}
HERE = "(@101,102,103,104)"


class Bench:
    """A scanner, its virtual instrument, and what is truly there."""

    def __init__(self, driver: str, virtual: VirtualBench) -> None:
        virtual.model.set_source("dac:1", 1.25)
        self.rounding = 1e-9 if driver in WITH_RELAYS else 5e-9  # V; the firmware answers with eight digits
        made, self.twin = virtual.model, virtual.instruments["daq"]
        self.scanner: Any = DRIVERS.get(driver)(Session(virtual.resources["daq"], name="daq", timeout=0.15))
        read = modified_nodal(network(), made.conductances, Drive([[1.25]], Open())).node_voltages[0]
        nodes = network().node_index
        self.true = {place.partition(":")[2]: read[nodes[node]] for place, node in made.wiring.nodes.items()}

    def left(self, message: str) -> None:
        """Somebody sends it, and it is accepted."""
        self.twin.answer(message)
        assert not self.twin._errors, message

    def reads_what_is_there(self, channels: str = "102 101 103", repeats: int = 3, **settings: Any) -> None:
        chosen = channels.split()
        self.scanner.select(chosen, **({"volts": 10.0, "nplc": 1.0, "high_z": True} | settings))
        read = self.scanner.scan(repeats)
        assert read.shape == (repeats, len(chosen))
        assert read == pytest.approx(self._rows(chosen, repeats), abs=self.rounding)

    def _rows(self, chosen: list[str], repeats: int) -> Any:
        return np.array([[self.true[channel] for channel in chosen]] * repeats)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with VirtualBench(network(), station(daq=request.param)) as virtual:
        made = Bench(request.param, virtual)
        yield made
        made.scanner.close()


def left_as(driver: str, *messages: str) -> list[Any]:
    return [pytest.param(driver, message, id=f"{driver} {message}") for message in messages]


STATES = [
    *left_as(
        "keithley_2700",
        ":ROUT:SCAN (@101,104);:ROUT:SCAN:LSEL INT",
        ":TRIG:COUN 7",
        f":SENS:VOLT:REF 0.05,{HERE};:SENS:VOLT:REF:STAT ON,{HERE}",
        f":SENS:VOLT:AVER:STAT ON,{HERE}",
        f":UNIT:VOLT:DC DB,{HERE}",
        ":TRIG:DEL 0",
    ),
    *left_as(
        "keithley_daq6510",
        ":FORM:DATA REAL",
        ":FORM:ASC:PREC 3",
        f":VOLT:DC:AZER OFF,{HERE}",
        f":VOLT:DC:AVER ON,{HERE}",
        f":VOLT:DC:REL 0.05,{HERE};:VOLT:DC:REL:STAT ON,{HERE}",
        f":VOLT:DC:UNIT DB,{HERE}",
        f":VOLT:DC:DEL:AUTO OFF,{HERE}",
        ':TRAC:POIN 10,"defbuffer1";:ROUT:SCAN:COUN:SCAN 9',
        ':ROUT:SCAN:BUFF "mine"',
    ),
    *[
        state
        for driver in KEYSIGHT
        for state in left_as(
            driver,
            ":TRIG:COUN INF;:ROUT:SCAN (@101,102);:INIT",
            ":TRIG:SOUR BUS;:ROUT:SCAN (@101,102);:INIT",
            *(f":FORM:READ:{element} ON" for element in ("ALAR", "CHAN", "TIME", "UNIT")),
        )
    ],
]


@pytest.mark.parametrize(("bench", "state"), STATES, indirect=["bench"])
def test_readings_are_right_whatever_somebody_left_the_scanner_in(bench: Bench, state: str) -> None:
    bench.left(state)
    bench.reads_what_is_there(repeats=4)


@pytest.mark.parametrize("bench", WITH_RELAYS, indirect=True)
def test_channels_are_not_read_sooner_than_the_maker_allows(bench: Bench) -> None:
    bench.reads_what_is_there()
    bench.twin.settles = 1.0  # the fault is one that this test can see
    with pytest.raises(AssertionError, match="approx"):
        bench.reads_what_is_there()


@pytest.mark.parametrize("bench", SCANNERS, indirect=True)
def test_a_longer_delay_is_the_users(bench: Bench) -> None:
    bench.twin.settles = 1e-3  # long cables: the maker's delay is not enough
    bench.reads_what_is_there(delay=0.05)


@pytest.mark.parametrize("bench", SCANNERS, indirect=True)
@pytest.mark.parametrize("channels", ["103", "101 102", "103 102 101", "102"])
def test_lists_follow_each_other(bench: Bench, channels: str) -> None:
    bench.reads_what_is_there()
    bench.reads_what_is_there(channels)
    bench.reads_what_is_there()


@pytest.mark.parametrize("bench", SCANNERS, indirect=True)
def test_a_scan_whose_answer_was_lost_is_ended_before_it_is_repeated(bench: Bench) -> None:
    bench.reads_what_is_there()
    bench.twin.faults.add("mute")
    bench.reads_what_is_there()  # the loss is of a setting
    bench.scanner.scan(2)
    bench.twin.faults.add("drop")
    assert bench.scanner.scan(2).shape == (2, 3)
    bench.reads_what_is_there()


@pytest.mark.parametrize("bench", KEYSIGHT, indirect=True)
@pytest.mark.parametrize("high_z", [True, False])
def test_each_keysight_has_its_own_word_for_the_impedance(bench: Bench, high_z: bool) -> None:
    driver = next(name for name in KEYSIGHT if DRIVERS.get(name) is type(bench.scanner))
    bench.reads_what_is_there(high_z=high_z)
    assert set(bench.twin.high_z.values()) == {high_z}
    assert any(f"{IMPEDANCE[driver]} {'ON' if high_z else 'OFF'}," in line for line in bench.twin.lines)


@pytest.mark.parametrize("bench", ["keithley_daq6510"], indirect=True)
def test_more_readings_than_the_buffer_has_are_refused(bench: Bench) -> None:
    bench.scanner.select(["101", "102"], volts=10.0, nplc=1.0, high_z=True)
    with pytest.raises(InstrumentError, match=r"daq .*100002 readings.*100000.*fewer repeats"):
        bench.scanner.scan(50_001)


@pytest.mark.parametrize("driver", ["keithley_daq6510"])
@pytest.mark.parametrize("other", ["TSP", "SCPI2700"])
def test_another_language_is_named_and_nothing_else_asked(driver: str, other: str) -> None:
    with VirtualBench(network(), station(daq=driver)) as virtual:
        virtual.instruments["daq"].language = other
        setup = Setup("daq", InstrumentTable(driver=driver), virtual.resources["daq"], timeout_s=0.3)
        made = DRIVERS.get(driver).connect(setup)
        (found,) = made.look(Wired(read=("101", "102")))
        made.close()
        assert isinstance(found, Unusable)
        assert str(found).startswith(f"speaks {other}: send '*LANG SCPI'")
        assert virtual.instruments["daq"].lines == ["*IDN?", "*LANG?"]


STATION = """
schema = 1
name = "x"
[defaults]
backend = "virtual"
line_hz = {hertz}
[instrument.daq]
driver = "{driver}"
{key} = {nplc}
[node.a]
read = "daq:101"
[edge.R1]
fixed_ohm = 1e3
[limits]
v_node_max = 1
"""
LONGEST = {
    ("keysight_34970a", 50): 200,
    ("keysight_34980a", 60): 200,
    ("keysight_daq970a", 50): 200,
    ("keithley_2700", 50): 50,
    ("keithley_2700", 60): 60,
    ("keithley_daq6510", 50): 12,
    ("keithley_daq6510", 60): 15,
    ("keithley_2400", 50): 10,
    ("keithley_2450", 60): 10,
    ("keysight_b2900", 50): 100,
    ("keysight_b2900", 60): 120,
}


@pytest.mark.parametrize(("driver", "hertz"), LONGEST)
def test_an_integration_time_beyond_the_instruments_is_refused_when_the_station_is_read(
    tmp_path: Any, driver: str, hertz: int
) -> None:
    longest, path = LONGEST[driver, hertz], tmp_path / "station.toml"
    text = STATION if issubclass(DRIVERS.get(driver), Scanner) else STATION.replace('[node.a]\nread = "daq:101"', "[node]")

    def load(nplc: float) -> None:
        path.write_text(text.format(driver=driver, hertz=hertz, key="nplc", nplc=nplc), encoding="utf-8")
        load_station(path)

    load(longest)
    for wrong in (1.01 * longest, 1e-5):
        with pytest.raises(
            StationError, match=rf"instrument\.daq\.nplc = .*daq is a (Keithley|Keysight) .* to {longest} at {hertz} Hz"
        ):
            load(wrong)
    path.write_text(
        text.format(driver=driver, hertz=hertz, key="timeout_s", nplc=1) + "[measure]\nnplc = 300", encoding="utf-8"
    )
    with pytest.raises(StationError, match=r"measure\.nplc = 300.*give it instrument\.daq\.nplc"):
        load_station(path)
