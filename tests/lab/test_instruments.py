"""Drivers by the exact lines that they send: a scripted connection, with nothing left over."""

from __future__ import annotations

import math
import re
from contextlib import AbstractContextManager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speaking import SPEAKING

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import Instrument, ResistorBox, Scanner, Source, SourceMeter, Wired, roles_of
from hwlearn.lab.instruments.scpi.text import answers, channel_list, error_number, parse_integers, parse_number, parse_numbers
from hwlearn.testing import Alone, expected_protocol

Pair = tuple[str, str | None] | Alone


def protocol(driver: str, *pairs: Pair) -> AbstractContextManager[Any]:
    """The driver of a name, on a script."""
    return expected_protocol(DRIVERS.get(driver), *pairs)  # type: ignore[type-var]


def done(message: str) -> Pair:
    """A setting and its acknowledgement."""
    return message, None


def off(channel: str = "") -> tuple[Pair, ...]:
    """The output goes off alone and first, says so, and then has no level."""
    levels = (done(f":SOUR{channel}:{level} 0") for level in ("CURR", "VOLT"))
    return (Alone(f":OUTP{channel} OFF"), Alone(f":OUTP{channel}?", "0"), *levels)


def keysight(impedance: str, switch: str = "ON") -> Pair:
    return done(
        f":ABOR;:CONF:VOLT:DC 10,DEF,(@101,103);:VOLT:DC:NPLC 1,(@101,103);:{impedance} {switch},(@101,103);"
        ":ROUT:SCAN (@101,103);:ROUT:CHAN:DEL 0.01,(@101,103);:TRIG:SOUR IMM;"
        ":CALC:SCAL:STAT OFF,(@101,103);:FORM:READ:CHAN OFF;:FORM:READ:TIME OFF;:FORM:READ:UNIT OFF;:FORM:READ:ALAR OFF"
    )


K2700 = done(
    ":INIT:CONT OFF;:ABOR;:ROUT:SCAN:LSEL NONE;:ROUT:OPEN:ALL;:FORM:DATA ASC;:FORM:ELEM READ;:TRAC:CLE;"
    ":SENS:FUNC 'VOLT',(@101,103);:SENS:VOLT:NPLC 1,(@101,103);:SENS:VOLT:RANG 10,(@101,103);"
    ":SENS:VOLT:AVER:STAT OFF,(@101,103);:SENS:VOLT:REF:STAT OFF,(@101,103);:UNIT:VOLT:DC V,(@101,103);"
    ":CALC:STAT OFF,(@101,103);:SYST:AZER:STAT ON;:SENS:VOLT:IDIV OFF;:TRIG:SOUR IMM;:TRIG:COUN 1;:TRIG:DEL 0.01;"
    ":ROUT:SCAN (@101,103);:ROUT:SCAN:TSO IMM;:ROUT:SCAN:LSEL INT"
)
DAQ6510 = done(
    ":ABOR;:ROUT:OPEN:ALL;:FORM:DATA ASC;:FORM:ASC:PREC 0;:FUNC 'VOLT:DC',(@101,103);:VOLT:DC:NPLC 1,(@101,103);"
    ":VOLT:DC:RANG 10,(@101,103);:VOLT:DC:INP AUTO,(@101,103);:VOLT:DC:AZER ON,(@101,103);:VOLT:DC:AVER OFF,(@101,103);"
    ":VOLT:DC:REL:STAT OFF,(@101,103);:VOLT:DC:UNIT VOLT,(@101,103);:CALC:VOLT:DC:MATH:STAT OFF,(@101,103);"
    ":VOLT:DC:DEL:AUTO ON,(@101,103);:ROUT:DEL 0.01,(@101,103);:ROUT:SCAN:INT 0;:ROUT:SCAN:CRE (@101,103);"
    ':ROUT:SCAN:BUFF "defbuffer1";:TRAC:POIN 100000,"defbuffer1"'
)
ADC = done(
    ":SENS:VOLT:RANG 10,(@101,103);:SENS:VOLT:NPLC 1,(@101,103);:INP:IMP:AUTO ON,(@101,103);"
    ":ROUT:CHAN:DEL 0.01,(@101,103);:ROUT:SCAN (@101,103)"
)
ANSWER = "+1.50000000E+00,-2.5E-03"
READ = (":ABOR;:TRIG:COUN 1;:READ?", ANSWER)
PLAIN_READ = (":TRIG:COUN 1;:READ?", ANSWER)
SCANNERS = {
    "keysight_34970a": (keysight("INP:IMP:AUTO"), READ),
    "keysight_34980a": (keysight("VOLT:IMP:AUTO"), READ),
    "keysight_daq970a": (keysight("VOLT:DC:IMP:AUTO"), READ),
    "keithley_2700": (K2700, (":SAMP:COUN 2;:READ?", ANSWER)),
    "scpi_adc": (ADC, PLAIN_READ),
    "scpi_board": (ADC, PLAIN_READ),
    "keithley_daq6510": (
        DAQ6510,
        (':ROUT:SCAN:COUN:SCAN 1;:TRAC:CLE "defbuffer1";:INIT;*OPC?;:TRAC:DATA? 1,2,"defbuffer1",READ', "1;1.5,-0.0025"),
    ),
}


@pytest.mark.parametrize("driver", SCANNERS)
def test_a_scan_comes_in_the_order_asked_for(driver: str) -> None:
    with protocol(driver, *SCANNERS[driver]) as scanner:
        scanner.select(["103", "101"], volts=10, nplc=1, high_z=True, delay=0.01)
        assert scanner.scan().tolist() == [[-2.5e-3, 1.5]]


@pytest.mark.parametrize("driver", SCANNERS)
def test_scans_one_after_the_other_are_one_round_trip(driver: str) -> None:
    setup, (sent, answer) = SCANNERS[driver]
    twice = (
        sent.replace("COUN 2", "COUN 4").replace("COUN 1", "COUN 2").replace("SCAN 1;", "SCAN 2;").replace(" 1,2,", " 1,4,"),
        f"{answer},3,4",
    )
    with protocol(driver, setup, twice) as scanner:
        scanner.select(["103", "101"], volts=10, nplc=1, high_z=True, delay=0.01)
        assert scanner.scan(2).tolist() == [[-2.5e-3, 1.5], [4.0, 3.0]]


def test_low_impedance() -> None:
    with protocol("keysight_34970a", keysight("INP:IMP:AUTO", "OFF")) as scanner:
        scanner.select(["101", "103"], volts=10, nplc=1, high_z=False, delay=0.01)
        assert scanner.channels == ["101", "103"]


def test_overload_and_not_measured_are_no_numbers() -> None:
    with protocol(
        "keysight_34970a", keysight("INP:IMP:AUTO"), (":ABOR;:TRIG:COUN 1;:READ?", "-9.90000000E+37,9.91E37")
    ) as scanner:
        scanner.select(["101", "103"], volts=10, nplc=1, high_z=True, delay=0.01)
        low, missing = scanner.scan()[0]
    assert low == -math.inf
    assert math.isnan(missing)


METERS = {
    "keithley_2400": (
        *off()[:2],
        done(
            ":SYST:RSEN OFF;:SOUR:CLE:AUTO OFF;:ARM:SOUR IMM;:ARM:COUN 1;:TRIG:SOUR IMM;:TRIG:COUN 1;:SENS:RES:MODE MAN;"
            ":SENS:FUNC:OFF:ALL;:SENS:FUNC:CONC ON;:SENS:FUNC 'VOLT','CURR';:SENS:VOLT:RANG:AUTO ON;:SENS:CURR:RANG:AUTO ON;"
            ":SOUR:CURR:MODE FIX;:SOUR:VOLT:MODE FIX;:SOUR:CURR:RANG:AUTO ON;:SOUR:VOLT:RANG:AUTO ON;:SENS:AVER OFF;"
            ":FORM:DATA ASC;:FORM:ELEM VOLT,CURR;:OUTP:SMOD HIMP"
        ),
        done(":SENS:VOLT:PROT 2;:SENS:CURR:PROT 0.001;:SENS:VOLT:NPLC 1"),
        done(":SOUR:CURR 1e-05;:SOUR:FUNC CURR;:OUTP ON"),
        done(":SOUR:CURR -1e-05"),
        (":READ?;:SENS:VOLT:PROT:TRIP?", "-0.5,-1e-5;0"),
        done(":SOUR:VOLT 0.25;:SOUR:FUNC VOLT;:OUTP ON"),
        (":READ?;:SENS:CURR:PROT:TRIP?", "0.25,2e-6;1"),
        *off(),
    ),
    "keithley_2450": (
        *off()[:2],
        done(
            ":SENS:FUNC 'VOLT';:SENS:COUN 1;:FORM:DATA ASC;:FORM:ASC:PREC 0;"
            ":SENS:VOLT:RSEN OFF;:SENS:VOLT:RANG:AUTO ON;:SENS:VOLT:AVER OFF;:SENS:VOLT:REL:STAT OFF;:SENS:VOLT:UNIT VOLT;"
            ":CALC:VOLT:MATH:STAT OFF;:SOUR:VOLT:RANG:AUTO ON;:SOUR:VOLT:READ:BACK ON;:OUTP:VOLT:SMOD HIMP;"
            ":SENS:CURR:RSEN OFF;:SENS:CURR:RANG:AUTO ON;:SENS:CURR:AVER OFF;:SENS:CURR:REL:STAT OFF;:SENS:CURR:UNIT AMP;"
            ":CALC:CURR:MATH:STAT OFF;:SOUR:CURR:RANG:AUTO ON;:SOUR:CURR:READ:BACK ON;:OUTP:CURR:SMOD HIMP"
        ),
        done(":SOUR:CURR:VLIM 2;:SOUR:VOLT:ILIM 0.001;:SENS:VOLT:NPLC 1;:SENS:CURR:NPLC 1"),
        done(":SENS:FUNC 'VOLT';:SOUR:CURR 1e-05;:SOUR:FUNC CURR;:OUTP ON"),
        done(":SOUR:CURR -1e-05"),
        (':READ? "defbuffer1",READ,SOUR;:SOUR:CURR:VLIM:TRIP?', "-0.5,-1e-5;0"),
        done(":SENS:FUNC 'CURR';:SOUR:VOLT 0.25;:SOUR:FUNC VOLT;:OUTP ON"),
        (':READ? "defbuffer1",READ,SOUR;:SOUR:VOLT:ILIM:TRIP?', "2e-6,0.25;1"),
        *off(),
    ),
    "keysight_b2900": (
        *off("1")[:2],
        done(
            ":SENS1:REM OFF;:OUTP1:OFF:AUTO OFF;:OUTP1:ON:AUTO OFF;:ARM1:SOUR AINT;:ARM1:COUN 1;:TRIG1:SOUR AINT;"
            ":TRIG1:COUN 1;:SENS1:RES:MODE MAN;:SENS1:FUNC:OFF:ALL;:SENS1:FUNC 'VOLT','CURR';:SENS1:VOLT:RANG:AUTO ON;"
            ":SENS1:CURR:RANG:AUTO ON;:SOUR1:CURR:MODE FIX;:SOUR1:VOLT:MODE FIX;:SOUR1:CURR:RANG:AUTO ON;"
            ":SOUR1:VOLT:RANG:AUTO ON;:FORM:DATA ASC;:FORM:ELEM:SENS VOLT,CURR;:OUTP1:OFF:MODE HIZ"
        ),
        done(":SENS1:VOLT:PROT 2;:SENS1:CURR:PROT 0.001;:SENS1:VOLT:NPLC 1;:SENS1:CURR:NPLC 1"),
        done(":SOUR1:CURR 1e-05;:SOUR1:FUNC:MODE CURR;:OUTP1 ON"),
        done(":SOUR1:CURR -1e-05"),
        (":READ? (@1);:SENS1:VOLT:PROT:TRIP?", "-0.5,-1e-5;0"),
        done(":SOUR1:VOLT 0.25;:SOUR1:FUNC:MODE VOLT;:OUTP1 ON"),
        (":READ? (@1);:SENS1:CURR:PROT:TRIP?", "0.25,2e-6;1"),
        *off("1"),
    ),
}


@pytest.mark.parametrize("driver", METERS)
def test_a_source_meter_sources_either_way_and_says_when_its_limit_acts(driver: str) -> None:
    with protocol(driver, *METERS[driver]) as meter:
        meter.limit("1", volts=2, amperes=1e-3, nplc=1)
        meter.inject("1", 1e-5)
        meter.inject("1", -1e-5)
        assert meter.read("1") == (-0.5, -1e-5, False)
        meter.hold("1", 0.25)
        assert meter.read("1") == (0.25, 2e-6, True)
        meter.safe(Wired(nudge=("1",)))


def test_after_safe_the_output_is_turned_on_again() -> None:
    on = done(":SOUR:CURR 0.001;:SOUR:FUNC CURR;:OUTP ON")
    with protocol("keithley_2400", on, *off(), on) as meter:
        meter.inject("1", 1e-3)
        meter.safe(Wired(nudge=("1",)))
        meter.inject("1", 1e-3)


def test_both_outputs_of_a_b2900_go_off_before_a_level_changes() -> None:
    one, two = off("1"), off("2")
    with protocol("keysight_b2900", *one[:2], *two[:2], *one[2:], *two[2:]) as meter:
        meter.safe(Wired(nudge=("1", "2")))


SOURCES = {
    "scpi_dac": (
        (":SOUR:VOLT 1.25,-0.5,(@1,2);:SOUR:VOLT? (@1,2)", "1.2501,-0.5"),
        (":SOUR:VOLT 0,0,(@1,2);:SOUR:VOLT? (@1,2)", "0,0"),
    ),
    "qdac2": (
        (
            ":SOUR1:VOLT:MODE FIX;:SOUR1:VOLT 1.25;:SOUR2:VOLT:MODE FIX;:SOUR2:VOLT -0.5;:SOUR1:VOLT:LAST?;:SOUR2:VOLT:LAST?",
            "1.2501;-0.5",
        ),
        (
            ":SOUR1:VOLT:MODE FIX;:SOUR1:VOLT 0;:SOUR2:VOLT:MODE FIX;:SOUR2:VOLT 0;:SOUR1:VOLT:LAST?;:SOUR2:VOLT:LAST?",
            "0;0",
        ),
    ),
}


@pytest.mark.parametrize("driver", SOURCES)
def test_a_source_returns_what_was_acknowledged(driver: str) -> None:
    with protocol(driver, *SOURCES[driver]) as source:
        assert source.set({"1": 1.25, "2": -0.5}) == {"1": 1.2501, "2": -0.5}
        source.safe(Wired(drive=("1", "2")))


def test_a_source_that_stops_at_its_range_is_an_error() -> None:
    with (
        protocol("scpi_dac", (":SOUR:VOLT 9,(@1);:SOUR:VOLT? (@1)", "5")) as source,
        pytest.raises(InstrumentError, match=r"x \(SCRIPT\): channel 1 was set to 9 V and says 5 V"),
    ):
        source.set({"1": 9.0})


SIZE = (":RES:COUN?", "3,255")


def test_a_resistor_box() -> None:
    write = (":RES:CODE 0,7,255;:RES:CODE?", "0,7,255")
    codes = (":RES:CODE?;:RES:OPEN?", "0,7,255;0")
    with protocol("scpi_resistors", SIZE, write, codes, done(":SYST:WDOG 2.5"), done(":RES:OPEN")) as box:
        assert box.size() == (3, 255)
        box.write([0, 7, 255])
        assert box.codes().tolist() == [0, 7, 255]
        box.watchdog(2.5)
        box.safe(Wired())


def test_an_open_box_has_no_codes() -> None:
    with (
        protocol("scpi_resistors", SIZE, (":RES:CODE?;:RES:OPEN?", "0,7,255;1")) as box,
        pytest.raises(InstrumentError, match="open"),
    ):
        box.codes()


def test_a_code_that_is_not_kept_is_named() -> None:
    with (
        protocol("scpi_resistors", SIZE, (":RES:CODE 0,7,255;:RES:CODE?", "0,6,255")) as box,
        pytest.raises(InstrumentError, match="resistor 1 was set to code 7 and says 6"),
    ):
        box.write([0, 7, 255])


@pytest.mark.parametrize("codes", [[0, 1], [0, 1, 256], [-1, 0, 0]])
def test_codes_that_do_not_fit_are_never_sent(codes: list[int]) -> None:
    with protocol("scpi_resistors", SIZE) as box, pytest.raises(InstrumentError, match="3 codes from 0 to 255"):
        box.write(codes)


def test_numpy_codes_are_sent_as_digits() -> None:
    with protocol("scpi_resistors", SIZE, (":RES:CODE 1,2,3;:RES:CODE?", "1,2,3")) as box:
        box.write(np.array([1, 2, 3]))


def test_an_instrument_without_channels_is_safe_as_it_is() -> None:
    with protocol("scpi_dac") as source:
        source.safe(Wired())
    with protocol("keysight_b2900") as meter:
        meter.safe(Wired())


def test_a_source_meter_drives() -> None:
    on = done(":SOUR:VOLT 0.5;:SOUR:FUNC VOLT;:OUTP ON")
    with protocol("keithley_2400", on, done(":SOUR:VOLT 0.25")) as meter:
        assert meter.set({"1": 0.5}) == {"1": 0.5}
        meter.set({"1": 0.25})


def test_every_driver_has_a_role_a_model_and_a_protocol_here() -> None:
    assert {*SCANNERS, *METERS, *SOURCES, "scpi_resistors"} == set(SPEAKING)
    for name in SPEAKING:  # roles and lines of others stand in the station file
        driver = DRIVERS.get(name)
        assert roles_of(driver)
        assert issubclass(driver, Instrument)
        assert driver.model != Instrument.model


def test_every_driver_stands_in_the_lab_page_at_its_role() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lab.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (drive|sense|program|nudge) \|(.*)$", page, re.MULTILINE))
    shown = {role: set(re.findall(r"`(\w+)`", row)) & set(DRIVERS) for role, row in rows.items()}
    roles = {"sense": Scanner, "program": ResistorBox, "nudge": SourceMeter}
    for key, role in roles.items():
        assert shown[key] == {name for name in DRIVERS if issubclass(DRIVERS.get(name), role)}
    assert shown["drive"] == {name for name in DRIVERS if issubclass(DRIVERS.get(name), Source)} - shown["nudge"]


def test_roles_can_be_bases_of_one_class() -> None:
    roles = (Source, Scanner, ResistorBox, SourceMeter)
    own = [{name for name in vars(role) if not name.startswith("_")} for role in roles]
    pairs = combinations(zip(roles, own, strict=True), 2)
    clashes = [(one.__name__, two.__name__, a & b) for (one, a), (two, b) in pairs if a & b]
    assert clashes == [("Source", "SourceMeter", {"set", "zero"})]  # a source meter is a source


def test_a_line_too_many_and_a_line_too_few_are_noticed() -> None:
    with pytest.raises(AssertionError, match="one too many"), protocol("scpi_dac") as source:
        source.set({"1": 1.0})
    with pytest.raises(AssertionError, match="not sent"), protocol("scpi_dac", (":SOUR:VOLT?", "1")):
        pass
    with pytest.raises(AssertionError), protocol("scpi_dac", (":SOUR:VOLT 2,(@1);:SOUR:VOLT? (@1)", "2")) as source:
        source.set({"1": 1.0})
    with (
        pytest.raises(AssertionError, match="does not understand"),
        protocol("scpi_dac", (":SOUR:VOLT 2,(@1);:SOUR:VOLT? (@1)", "two")) as source,
    ):
        source.set({"1": 2.0})


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), (" -.5 ", -0.5), ("+1.E-3", 1e-3), ("2.e2", 200.0)])
def test_numbers(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "1,5", "1 2", "nan", "inf", "0x10", "1_000", "1e", ".", "--1", "1V", "\n1\n2", "+1.5E-0\x00"]
)
def test_what_is_not_exactly_a_number_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["9.9E37", "+9.90000000E+37", "1e38", "9.9000001e37"])
def test_overload(text: str) -> None:
    assert parse_number(text) == math.inf
    assert parse_number(f"-{text.lstrip('+')}") == -math.inf


def test_not_measured() -> None:
    assert math.isnan(parse_number("+9.91000000E+37"))
    assert parse_number("9.8e37") == 9.8e37


def test_lists() -> None:
    assert parse_numbers("1,2.5", 2).tolist() == [1.0, 2.5]
    np.testing.assert_array_equal(parse_numbers("1, -9.9e37,+9.91E37 ,2", 4), [1.0, -math.inf, math.nan, 2.0])
    assert parse_integers("1, -2", 2).tolist() == [1, -2]
    assert channel_list(["101", "102"]) == "(@101,102)"
    assert answers('1;-113,"Undefined header;:FOO"') == ["1", '-113,"Undefined header;:FOO"']
    for parse, text in [(parse_numbers, "1"), (parse_numbers, "1,2,3"), (parse_integers, "1"), (parse_integers, "1,2.0")]:
        with pytest.raises(ValueError, match=r"values for|no integers"):
            parse(text, 2)


def test_entries_of_the_error_queue() -> None:
    assert error_number('+0,"No error"') == error_number("0") == 0
    assert error_number('-113,"Undefined header"') == -113
    for entry in ("", "No error", '1.5,"x"', "0,"):
        with pytest.raises(ValueError, match="no entry"):
            error_number(entry)
