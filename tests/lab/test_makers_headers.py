"""Each header that a driver sends stands in the table of its maker: tests/lab/makers, docs/reference/instruments.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from speaking import SPEAKING
from test_virtual import network, station

from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import ResistorBox, Scanner, Source, SourceMeter, Wired
from hwlearn.lab.instruments.scpi.text import parse_number
from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.virtual import VirtualBench
from hwlearn.lab.virtual.scpi import parse, split

FOLDER = Path(__file__).parent / "makers"
TABLES: dict[str, Any] = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}

OF_NO_MAKER = {"scpi_adc", "scpi_board"}  # the firmware's: tests/lab/test_firmware.py


def headers(lines: list[str]) -> set[str]:
    """The headers of messages, in short form, without suffixes; ":DC" and a leading "SENS:" may be left out in SCPI."""
    found = set()
    for line in lines:
        path: list[str] = []
        for text in filter(None, split(line, ";")):
            command, path = parse(text, path)
            found.add(command.header.removeprefix("SENS:").replace(":DC", ""))
    return found


def sent(name: str) -> set[str]:
    """What a driver sends on the virtual bench, whatever it is told to do."""
    driver = DRIVERS.get(name)
    roles = {"daq": Scanner, "smu": SourceMeter, "pots": ResistorBox, "dac": Source}
    key = next(key for key, role in roles.items() if issubclass(driver, role))
    with VirtualBench(network(), station(**({} if key == "pots" else {key: name}))) as virtual:
        twin, lines = virtual.instruments[key], []
        heard = twin.received
        twin.received = lambda: (lines.append(twin.lines[-1]), heard())[1]  # type: ignore[func-returns-value]
        keys = {"terminals": "front"} if driver.terminals else {}
        made: Any = driver.connect(Setup(key, InstrumentTable(driver=name, **keys), virtual.resources[key]))
        if isinstance(made, Scanner):
            for channels, delay in ((["101"], None), (["101", "102"], None), (["101", "102"], 0.01)):
                made.select(channels, volts=10.0, nplc=1.0, high_z=True, delay=delay)
                made.scan(2)
        if isinstance(made, SourceMeter):
            made.limit("1", volts=2.0, amperes=1e-3, nplc=1.0)
            made.inject("1", 1e-5)
            made.read("1")
            made.hold("1", 0.1)
            made.read("1")
        elif isinstance(made, Source):
            made.set({"1": 1.0, "2": 0.5})
        if isinstance(made, ResistorBox):
            made.watchdog(5.0)
            made.write([1] * made.size()[0])
            made.codes()
        made.present()
        made.safe(Wired(drive=("1",), nudge=("1",)))
        made.close()
    return headers(lines)


def test_each_driver_has_a_table() -> None:
    assert set(TABLES) == set(SPEAKING) - OF_NO_MAKER


@pytest.mark.parametrize("name", TABLES)
def test_what_a_driver_sends_stands_in_its_makers_table(name: str) -> None:
    table = TABLES[name]
    missing = sent(name) - set(table["headers"])
    assert not missing, f"tests/lab/makers/{name}.toml has no {', '.join(sorted(missing))}: look them up, with their source"
    assert set(table["headers"]) <= sent(name), "a header that nobody sends needs no source"


@pytest.mark.parametrize("name", TABLES)
def test_each_source_is_named(name: str) -> None:
    table = TABLES[name]
    for header, sources in table["headers"].items():
        assert header == next(iter(headers([f":{header}"] if header[0] != "*" else [header]))), "the short form"
        assert set(sources) <= set(table["sources"]), header
    used = {source for sources in table["headers"].values() for source in sources}
    assert set(table["sources"]) == used


@pytest.mark.parametrize("name", [name for name in TABLES if "answers" in TABLES[name]])
def test_answers_of_the_makers_are_understood(name: str) -> None:
    for answer in TABLES[name]["answers"]:
        assert parse_number(answer["text"]) == answer["value"], answer["about"]
        assert answer["source"] in TABLES[name]["sources"]
