"""Calibration on the virtual bench: the tables that it writes are the true devices'."""

import datetime
import json
import tomllib

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import StationError
from hwlearn.experiments import load_experiment
from hwlearn.inference.calibration import fit_devices
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.device_readings import read_devices
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.station import load_station
from hwlearn.lab.station.load import as_built
from hwlearn.lab.station.write import to_toml, write_calibrated

OFFSETS = ("lsb_v", "offset_v = 1e-3\nlsb_v")


def deviations(circuit, resistances):
    """Largest relative error of each edge's table against the bench's true devices."""
    tables, model = circuit.station.tables, circuit.made.model
    found = {}
    for name, fitted in resistances.items():
        usable = slice(tables[name].min_code, tables[name].max_code + 1)
        true = model.pots.resistances(name)
        found[name] = float(np.abs(fitted / true - 1)[usable].max())
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_tables_and_offsets_become_the_true_ones(tmp_path, seed):
    settings = [("seed = 1", f"seed = {seed}"), OFFSETS]
    strict = [("noise_max", "offset_max = 1e-4\nnoise_max")]
    with bench(tmp_path, virtual=settings, station=strict) as circuit:
        model, places = circuit.made.model, circuit.channels
        true_offsets = np.mean([model.read(places) for _ in range(1000)], axis=0)  # nothing is driven yet
        before = circuit.conductances.copy()
        readings = read_devices(circuit)
        np.testing.assert_array_equal(circuit.conductances, before)
        found = fit_devices(NETWORK, circuit.station, readings)
        off = deviations(circuit, found.resistances)
        nominal = deviations(circuit, {name: table.resistances for name, table in circuit.station.tables.items()})
        assert max(nominal.values()) > 0.15
        assert [name for name, ok in zip(NETWORK.edge_names, found.seen, strict=True) if not ok] == ["R1"]
        assert off.pop("R1") == nominal["R1"]
        assert max(off.values()) < 2e-3
        claimed = dict(zip(NETWORK.edge_names, found.error, strict=True))
        assert all(off[name] < 5 * claimed[name] for name in off)
        assert found.scale_error < 1e-3
        assert 0.7 < found.chi_square < 1.4
        measured = np.array([readings.offsets[place] for place in places])
        assert np.abs(true_offsets).max() > 1e-3
        assert np.abs(measured - true_offsets).max() < 5 * readings.offset_error < 2e-5

        seen = {name: found.resistances[name] for name in off}
        written = write_calibrated(circuit.station, tmp_path / "new", seen, readings.offsets, 1e-3, datetime.date.today())
        circuit.connection.close()
        with BenchCircuit(NETWORK, written) as again:
            assert [finding for finding in self_test(again) if not finding.passed] == []
    assert written.settings.calibration.date == datetime.date.today()
    np.testing.assert_allclose(written.tables["R5"].resistances, found.resistances["R5"], rtol=1e-8)
    np.testing.assert_array_equal(written.tables["R1"].resistances, circuit.station.tables["R1"].resistances)


def test_voltages_alone_find_ratios_and_say_that_the_scale_is_not_theirs(tmp_path):
    plain = [
        ('[output."t1,t2"]\nnudge = "smu:1"\n', ""),
        ("series_ohm = 1000", "series_ohm = 0"),
        ("p_edge_max = 0.02", "p_edge_max = 1"),
    ]
    plain += [("min_code = 1\ni_max = 5e-3", "min_code = 20")]
    with bench(tmp_path, virtual=plain, station=plain) as circuit:
        readings = read_devices(circuit)
        found = fit_devices(NETWORK, circuit.station, readings)
        model = circuit.made.model
        ratios = [found.resistances[n][200] / model.pots.resistances(n)[200] for n in NETWORK.edge_names[1:]]
    assert not readings.injected
    assert found.scale_error > 0.03
    assert np.std(np.log(ratios)) < 3e-3
    assert abs(np.mean(np.log(ratios))) < 3 * found.scale_error


def test_a_fixed_resistor_is_measured_too(tmp_path):
    trained = [f"R{k}" for k in range(1, 25) if k != 6]
    network = load_experiment(EXPERIMENT, {"circuit.trainable": trained}).network
    line = 'R6 = { set = "pots:5", table = "pot", series_ohm = 1000 }'
    virtual, station = [(line, "R6 = { fixed_ohm = 5050 }")], [(line, "R6 = { fixed_ohm = 5000 }")]
    with bench(tmp_path, virtual=virtual, station=station, network=network) as circuit:
        found = fit_devices(network, circuit.station, read_devices(circuit))
        written = write_calibrated(
            circuit.station, tmp_path / "new", {"R6": found.resistances["R6"]}, None, 0.0, datetime.date.today()
        )
    assert written.settings.edge["R6"].fixed_ohm == pytest.approx(5050, rel=5e-4)
    assert written.settings.calibration.offsets is None


def test_devices_that_two_numbers_do_not_describe_raise_chi_square_and_the_errors(tmp_path):
    with bench(tmp_path) as circuit:
        table = circuit.made.model.pots.tables["R12"]
        table[100:] *= 1.02
        found = fit_devices(NETWORK, circuit.station, read_devices(circuit))
    assert found.chi_square > 10
    assert found.error[5] > 1e-3


def test_the_command_writes_a_station_that_works(tmp_path):
    runner, out = CliRunner(), tmp_path / "cal"
    (tmp_path / "station.toml").write_text(changed(STATION, OFFSETS), encoding="utf-8")
    arguments = ["bench", "calibrate", str(tmp_path / "station.toml"), str(EXPERIMENT), "--out", str(out)]
    result = runner.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert not told["edges"]["R1"]["seen"]
    assert told["edges"]["R2"]["error"] < 1e-3
    assert "R1: no reading says anything of it" in result.stderr
    assert (tmp_path / "station.toml").read_text(encoding="utf-8") == changed(STATION, OFFSETS)
    assert runner.invoke(app, arguments).exit_code == 2  # what is there is not replaced
    calibrated = load_station(out / "station.toml")
    assert calibrated.settings.calibration.date == datetime.date.today()
    compared = runner.invoke(
        app, ["compare", str(EXPERIMENT), "--backends", "exact,bench", "--station", str(out / "station.toml")]
    )
    assert compared.exit_code == 0, compared.stdout  # the same virtual bench, now known
    again = runner.invoke(
        app, ["bench", "calibrate", str(out / "station.toml"), str(EXPERIMENT), "--out", str(tmp_path / "more")]
    )
    assert again.exit_code == 0
    assert as_built(load_station(tmp_path / "more" / "station.toml")).path.samefile(tmp_path / "station.toml")
    assert load_station(tmp_path / "more" / "station.toml").offsets == pytest.approx(calibrated.offsets, abs=3e-5)


def test_a_virtual_station_that_names_itself_is_refused(tmp_path):
    text = STATION[: STATION.index("[virtual]")] + '[virtual]\nstation = "s.toml"\n' + STATION[STATION.index("[table.pot]") :]
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StationError, match="leads back"):
        as_built(load_station(tmp_path / "s.toml"))
    (tmp_path / "t.toml").write_text(text.replace("[virtual]", "[virtual]\nseed = 3"), encoding="utf-8")
    with pytest.raises(StationError, match="station goes alone"):
        load_station(tmp_path / "t.toml")


scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.dates(),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=5))
def test_what_is_written_is_what_tomllib_reads(content):
    assert tomllib.loads(to_toml(content)) == content
