"""`hwlearn bench look`: what a bench was left with is told, and nothing is changed."""

import json
import tempfile
from pathlib import Path

import pytest
from test_bench_found import left_on, only_questions
from typer.testing import CliRunner

from hwlearn.cli.bench import bench
from hwlearn.experiments import load_experiment
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual import VirtualBench

ROOT = Path(__file__).parents[2]
VIRTUAL = ROOT / "stations" / "allostery.toml"
NETWORK = load_experiment(ROOT / "netlists" / "allostery-bench.toml").network


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A virtual bench, and the file of a station that reaches it as real instruments are reached."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with VirtualBench(NETWORK, load_station(VIRTUAL)) as virtual:
        text = VIRTUAL.read_text(encoding="utf-8").replace('backend = "virtual"', 'backend = "@py"\ntimeout_s = 1.0')
        for name, resource in virtual.resources.items():
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        yield virtual, path


def looked(*arguments):
    return CliRunner().invoke(bench, ["look", *map(str, arguments)])


def test_it_tells_what_is_on_and_asks_only(served):
    virtual, path = served
    smu, dac, daq = (virtual.instruments[name] for name in ("smu", "dac", "daq"))
    left_on(smu)
    dac.set_volts("1", -4.0)
    daq.answer(":CALC:SCAL:STAT ON,(@102)")
    for instrument in virtual.instruments.values():
        instrument.lines.clear()
    before = smu.channels["1"].drive(), dict(dac.volts), virtual.instruments["pots"].opened
    told = looked(path, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["smu"][0] == {"kind": "driving", "channel": "1", "what": "has its output on, at 20 V"}
    assert found["dac"] == [{"kind": "driving", "channel": "1", "what": "makes -4 V"}]
    assert [(one["kind"], one["channel"]) for one in found["daq"]] == [("misreading", "102")]
    assert found["pots"] == []
    assert (smu.channels["1"].drive(), dict(dac.volts), virtual.instruments["pots"].opened) == before
    for name, instrument in virtual.instruments.items():
        assert only_questions(instrument.lines), name


def test_one_that_is_gone_does_not_hide_what_the_others_say(served):
    virtual, path = served
    virtual.instruments["dac"].set_volts("1", -4.0)
    text = path.read_text(encoding="utf-8").replace(virtual.resources["smu"], "TCPIP::127.0.0.1::9::SOCKET")
    path.write_text(text, encoding="utf-8")
    told = looked(path)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert any(line.split()[:1] == ["smu"] and "FAILED" in line for line in lines), told.stdout
    assert any(line.split() == ["dac", "channel", "1", "makes", "-4", "V"] for line in lines), told.stdout
    assert any(line.split() == ["pots", "nothing", "to", "tell"] for line in lines), told.stdout


def test_nobody_has_left_a_virtual_bench():
    told = looked(VIRTUAL)
    assert told.exit_code == 0
    assert "nobody has left anything" in told.output
