"""Source meters that follow their makers' rules, whatever somebody left them in: the right current, or a named refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from speaking import SPEAKING
from test_virtual import network, station

from hwlearn.errors import StationError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.found import Unusable
from hwlearn.lab.instruments.roles import SourceMeter, Wired
from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench

METERS = [name for name in SPEAKING if issubclass(DRIVERS.get(name), SourceMeter)]
AMPERES, VOLTS = 2e-4, 0.4


class Bench:
    """A source meter in somebody's hands, and then in ours."""

    def __init__(self, driver: str, virtual: VirtualBench) -> None:
        self.driver, self.virtual, self.twin = driver, virtual, virtual.instruments["smu"]

    def left(self, message: str) -> None:
        self.twin.answer(message)
        assert not self.twin._errors, message

    def connect(self, **keys: Any) -> Any:
        table = InstrumentTable(driver=self.driver, **keys)
        return DRIVERS.get(self.driver).connect(Setup("smu", table, self.virtual.resources["smu"], timeout_s=0.3))

    def makes_what_it_is_told(self, meter: Any) -> None:
        """Looks at the circuit itself, not at what the instrument says of it."""
        meter.limit("1", volts=2.0, amperes=1e-3, nplc=1.0)
        for _ in range(2):
            meter.inject("1", AMPERES)
            volts, amperes = self._truth()
            assert amperes == pytest.approx(AMPERES)
            assert meter.read("1") == (pytest.approx(volts), pytest.approx(AMPERES), False)
        meter.hold("1", VOLTS)
        volts, amperes = self._truth()
        assert volts == pytest.approx(VOLTS)
        assert meter.read("1") == (pytest.approx(VOLTS), pytest.approx(amperes), False)

    def _truth(self) -> tuple[float, float]:
        model = self.virtual.model
        state = model._steady.at(model.pots.conductances)
        return float(state.voltages[0]), float(state.currents[0])


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with VirtualBench(network(), station(smu=request.param)) as virtual:
        virtual.model.set_source("dac:1", 1.25)
        yield Bench(request.param, virtual)


def left_as(driver: str, *messages: str) -> list[Any]:
    return [pytest.param(driver, message, id=f"{driver} {message}") for message in messages]


SWEEPS = (":SOUR{}:CURR:MODE LIST", ":SOUR{}:VOLT:MODE SWE", ":SOUR{}:CURR:RANG 1e-6", ":SOUR{}:VOLT:RANG 0.2")
RANGES = (":SENS{}:VOLT:RANG 0.02", ":SENS{}:CURR:RANG 1e-6", ":FORM:DATA REAL,32", ":TRIG{}:COUN 3", ":ARM{}:COUN 3")
STATES = [
    *left_as(
        "keithley_2400",
        ":SYST:RSEN ON",
        ":SOUR:CLE:AUTO ON",
        ":SENS:AVER ON",
        ":SENS:FUNC:CONC OFF;:SENS:FUNC 'CURR'",
        ":SENS:FUNC 'RES';:SENS:RES:MODE AUTO",
        ":ARM:COUN INF",
        *(text.format("") for text in (*SWEEPS, *RANGES)),
    ),
    *left_as(
        "keithley_2450",
        ":SENS:VOLT:RSEN ON",
        ":SENS:CURR:RSEN ON",
        ":SENS:VOLT:AVER ON",
        ":SENS:CURR:AVER ON",
        ":SENS:VOLT:REL 0.1;:SENS:VOLT:REL:STAT ON",
        ":SENS:CURR:REL 1e-4;:SENS:CURR:REL:STAT ON",
        ":FORM:ASC:PREC 2",
        ":SENS:FUNC 'RES'",
        ":FORM:DATA REAL",
        *(text.format("") for text in (*SWEEPS[2:], *RANGES[:2])),
    ),
    *left_as(
        "keysight_b2900",
        ":SENS1:REM ON",
        ":OUTP1:OFF:AUTO ON",
        ":SENS1:FUNC 'CURR'",
        ":SENS1:FUNC 'RES';:SENS1:RES:MODE AUTO",
        ":OUTP1 ON",
        *(text.format("1") for text in (*SWEEPS, *RANGES)),
    ),
]


@pytest.mark.parametrize(("bench", "state"), STATES, indirect=["bench"])
def test_it_makes_what_it_is_told_whatever_somebody_left_it_in(bench: Bench, state: str) -> None:
    bench.left(state)
    meter = bench.connect()
    bench.makes_what_it_is_told(meter)
    meter.close()


@pytest.mark.parametrize("bench", METERS, indirect=True)
def test_it_is_told_again_after_it_was_switched_off_and_on(bench: Bench) -> None:
    meter = bench.connect()
    bench.makes_what_it_is_told(meter)
    bench.twin.told.clear()  # as power-up leaves it
    bench.left(":SENS1:VOLT:RANG 0.02;:FORM:DATA REAL")
    bench.twin.faults.add("drop")
    meter.present()
    bench.makes_what_it_is_told(meter)
    assert meter.recoveries == 1
    meter.close()


@pytest.mark.parametrize("bench", ["keithley_2400", "keithley_2450"], indirect=True)
def test_the_terminals_of_the_station_are_used(bench: Bench) -> None:
    bench.left(":ROUT:TERM REAR")
    meter = bench.connect(terminals="front")
    bench.makes_what_it_is_told(meter)
    meter.close()


@pytest.mark.parametrize("other", ["TSP", "SCPI2400"])
@pytest.mark.parametrize("bench", ["keithley_2450"], indirect=True)
def test_another_language_is_named_and_nothing_else_asked(bench: Bench, other: str) -> None:
    bench.twin.language = other
    meter = bench.connect()
    (found,) = meter.look(Wired(nudge=("1",)))
    meter.close()
    assert isinstance(found, Unusable)
    assert str(found).startswith(f"speaks {other}: send '*LANG SCPI'")
    assert bench.twin.lines == ["*IDN?", "*LANG?"]


@pytest.mark.parametrize("bench", ["keysight_b2900"], indirect=True)
def test_a_second_limit_does_not_switch_an_output_off(bench: Bench) -> None:
    meter = bench.connect()
    bench.makes_what_it_is_told(meter)
    meter.limit("1", volts=1.5, amperes=1e-3, nplc=1.0)
    assert bench.twin.channels["1"].on
    assert bench.twin.channels["1"].v_limit == 1.5
    meter.close()


def test_terminals_of_an_instrument_that_has_no_choice_are_refused(tmp_path: Any) -> None:
    path = tmp_path / "station.toml"
    path.write_text(
        'schema = 1\nname = "x"\n[defaults]\nbackend = "virtual"\n[instrument.smu]\ndriver = "keysight_b2900"\n'
        'terminals = "rear"\n[node]\n[edge.R1]\nfixed_ohm = 1e3\n[limits]\nv_node_max = 1\n',
        encoding="utf-8",
    )
    with pytest.raises(StationError, match=r"instrument\.smu\.terminals = 'rear': a Keysight B2900 cannot be told"):
        load_station(path)
