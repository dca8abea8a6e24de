"""Temperatures of a bench: read with the nodes or asked of an instrument, kept in the run, told when they move."""

import json
import warnings

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed
from typer.testing import CliRunner

from hwlearn import Drive
from hwlearn.cli import app
from hwlearn.errors import HwlearnWarning, InstrumentError, StationError
from hwlearn.experiments.runs import Run
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.device_readings import read_devices
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual.model import BenchModel

SENSOR = ("[node]", '[temperature]\nboard = { read = "daq:122", volts_per_degree = 0.01, zero_v = 0.5 }\n\n[node]')
PROBE = (
    (
        "[instrument.pots]",
        '[instrument.probe]\ndriver = "scpi"\n'
        'scpi = { twin = "scpi_dac", thermometer = { ask = ":SOUR:VOLT? (@{channel})" } }\n\n[instrument.pots]',
    ),
    ("[node]", '[temperature]\nroom = { celsius = "probe:7", moves_max = 0.5 }\n\n[node]'),
)  # a voltage source answers with a number too


def written(folder, *changes):
    path = folder / "station.toml"
    path.write_text(changed(STATION, *changes), encoding="utf-8")
    return load_station(path)


@pytest.fixture
def warm(monkeypatch):
    """Says how warm virtual benches are."""
    now = [23.0]
    monkeypatch.setattr(BenchModel, "celsius", property(lambda self: now[0]))
    return now


def test_a_sensor_is_read_with_the_nodes_in_no_further_round_trip(tmp_path, warm):
    trips = []
    for more in ((), (SENSOR,)):
        warm[0] = 23.0
        with BenchCircuit(NETWORK, written(tmp_path, *more)) as circuit:
            circuit.measure(Drive([[1.0]]))
            session = circuit.connection.instruments["daq"].session
            before = session.round_trips
            warm[0] = 31.25
            circuit.measure(Drive([[1.0]])) if not more else _warned(circuit)
            trips.append(session.round_trips - before)
    assert trips[0] == trips[1]
    assert circuit.celsius() == {"board": pytest.approx(31.25, abs=0.01)}


def _warned(circuit):
    with pytest.warns(HwlearnWarning, match="moves_max"):
        circuit.measure(Drive([[1.0]]))


def test_an_instrument_is_asked_and_its_moves_are_told_once_each(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *PROBE)) as circuit:
        made = circuit.connection.virtual.instruments["probe"]
        made.volts["7"] = 22.0
        circuit.measure(Drive([[1.0]]))
        made.volts["7"] = 22.4
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            circuit.measure(Drive([[1.0]]))
        made.volts["7"] = 22.6
        with pytest.warns(HwlearnWarning, match=r"temperature\.room went from 22\.00 to 22\.60 °C, more"):
            circuit.measure(Drive([[1.0]]))
        made.volts["7"] = 22.9
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            circuit.measure(Drive([[1.0]]))
        assert circuit.celsius() == {"room": 22.9}
        assert circuit.provenance()["celsius"] == {"room": 22.9}


def test_what_is_no_temperature_is_refused(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *PROBE)) as circuit:
        circuit.connection.virtual.instruments["probe"].volts["7"] = 9.9e37
        with pytest.raises(InstrumentError, match=r"temperature room.*|channel 7"):
            circuit.measure(Drive([[1.0]]))


def trained(folder, *changes, steps):
    written(folder, *changes)
    where, out = ["--backend", "bench", "--station", str(folder / "station.toml")], folder / "run"
    result = CliRunner().invoke(app, ["train", str(EXPERIMENT), *where, "--steps", str(steps), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out


def test_a_run_keeps_them_and_report_and_export_have_them(tmp_path):
    folder = trained(tmp_path, SENSOR, ("[virtual]", "[virtual]\nwarming_c_per_s = 0.5"), steps=4)
    run = Run.load(folder)
    warm = [celsius["board"] for celsius in run.history.celsius]
    assert len(warm) == len(run.history.losses) >= 4
    assert 22.9 < warm[0] < warm[-1] < 40
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all("celsius" in line for line in lines if "step" in line)
    assert CliRunner().invoke(app, ["report", str(folder)]).exit_code == 0
    page = next((folder).glob("*.html")).read_text(encoding="utf-8")
    assert "temperature, board" in page
    assert f"{warm[-1]:.2f} °C at last" in page


def test_a_run_without_thermometers_has_the_journal_that_it_had(tmp_path):
    folder = trained(tmp_path, steps=1)
    assert 'celsius": {"' not in (folder / "journal.jsonl").read_text(encoding="utf-8")
    assert Run.load(folder).history.celsius[0] == {}


def test_check_and_calibrate_leave_a_sensor_alone(tmp_path):
    with bench(tmp_path, virtual=(SENSOR,), station=(SENSOR,)) as circuit:
        assert not [f for f in self_test(circuit) if not f.passed]
        assert "daq:122" not in read_devices(circuit, 2).offsets
        np.testing.assert_equal(len(circuit.channels), 15)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('{ read = "daq:122" }', "read and volts_per_degree go together"),
        ('{ read = "daq:122", volts_per_degree = 0.0 }', "a number other than zero"),
        ('{ celsius = "probe:1", read = "daq:122", volts_per_degree = 0.01 }', "give either read"),
        ('{ celsius = "daq:122" }', "no Thermometer"),
        ('{ read = "dac:2", volts_per_degree = 0.01 }', "no Scanner"),
    ],
)
def test_what_makes_no_thermometer_is_refused(tmp_path, table, says):
    with pytest.raises(StationError, match=says):
        written(tmp_path, ("[node]", f"[temperature]\nboard = {table}\n\n[node]"))
