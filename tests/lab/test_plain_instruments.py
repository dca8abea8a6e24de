"""Roles are all that a bench needs: plain Python objects, named "module:Class" beside the station file, train a network."""

import datetime
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, changed
from typer.testing import CliRunner

from hwlearn import AdjointCoupledLearning, CoupledLearning, Drive, EquilibriumPropagation, Hold, Inject, train
from hwlearn.cli import app
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.station import load_station
from hwlearn.lab.station.write import write_calibrated
from hwlearn.lab.virtual.bench import model_of
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract, SourceMeterContract
from hwlearn.testing.nodal import modified_nodal

HERE, TASK = Path(__file__).parent, load_experiment(EXPERIMENT).task
TOGETHER = {"daq": "plain:Card", "dac": "plain:Card", "smu": "plain:Meter", "pots": "plain:Box"}
DRIVERS = {"daq": "keysight_daq970a", "dac": "scpi_dac", "smu": "keithley_2450", "pots": "scpi_resistors"}
PERFECT = [
    ('backend = "virtual"', 'backend = "@py"'),
    ("watchdog_s = 30", ""),
    ("noise_v = 20e-6", "noise_v = 0"),
    ("lsb_v = 5e-6", "lsb_v = 0"),
    ("pot_tolerance = 0.2", "pot_tolerance = 0"),
    ("dac_bits = 16", "dac_bits = 0"),
]
RULES = {
    "ep": (EquilibriumPropagation(2e-4, symmetric=True), 2e-7),
    "cl": (CoupledLearning(1.0, symmetric=True), 2e-3),
    "al": (AdjointCoupledLearning(5e3, symmetric=True), 3.0),
}


class Bench:
    """A station of plain instruments, and the simulation that they act on."""

    def __init__(self, folder, *changes):
        shutil.copy(HERE / "plain_instruments.py", folder / "plain.py")
        drivers = [(f'driver = "{DRIVERS[name]}"', f'driver = "{plain}"') for name, plain in TOGETHER.items()]
        self.path = folder / "station.toml"
        self.path.write_text(changed(STATION, *PERFECT, *drivers, *changes), encoding="utf-8")
        self.station = load_station(self.path, trust=True)
        self.plain = sys.modules[next(iter(self.station.drivers.values())).__module__]
        self.plain.DONE.clear()
        self.plain.MODEL = self.model = model_of(NETWORK, self.station)


@pytest.fixture
def made(tmp_path):
    benches = []

    def make(*changes):
        benches.append(Bench(tmp_path, *changes))
        return benches[-1]

    yield make
    for bench in benches:
        bench.model.close()


ONE = [(f'driver = "{plain}"', "") for plain in ("plain:Card", "plain:Meter", "plain:Box")]
SINGLE = [
    ("[instrument.daq]", "[instrument.lab]\ndriver = 'plain:All'\n[instrument.unused]\ndriver = 'plain:Card'"),
    ('[instrument.dac]\ndriver = "plain:Card"\n', ""),
    ('[instrument.smu]\ndriver = "plain:Meter"\n', ""),
    ('[instrument.pots]\ndriver = "plain:Box"\n', ""),
    ('driver = "plain:Card"\n', ""),
    ('"daq:', '"lab:'),
    ('"dac:1"', '"lab:d1"'),
    ('"smu:1"', '"lab:m1"'),
    ('"pots:', '"lab:'),
    ('order = ["smu", "dac", "pots"]', 'order = ["lab"]'),
]


@pytest.mark.parametrize("outputs", [None, Inject([[1e-4], [-2e-4]]), Hold([[0.2], [0.1]])], ids=["open", "inject", "hold"])
@pytest.mark.parametrize("changes", [[], SINGLE], ids=["four instruments", "all in one"])
def test_phases_are_those_of_the_circuit(made, changes, outputs):
    drive = Drive([[1.0], [-0.7]]) if outputs is None else Drive([[1.0], [-0.7]], outputs)
    with BenchCircuit(NETWORK, made(*changes).station) as circuit:
        measured = circuit.measure(drive)
        true = modified_nodal(NETWORK, circuit.conductances, drive)
    np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-9)
    np.testing.assert_allclose(measured.output_currents, true.output_currents, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_it_trains_and_is_left_safe_in_the_stated_order(made, rule):
    bench, (learning, rate) = made(), RULES[rule]
    with BenchCircuit(NETWORK, bench.path, trust=True) as circuit:
        found = train(circuit, TASK, learning, steps=150, learning_rate=rate)
        assert [done[0] for done in bench.plain.DONE] == ["smu", "dac"]  # before the resistors were connected
        bench.plain.DONE.clear()
    assert min(found.losses) < 0.25 * found.losses[0]
    assert [done[0] for done in bench.plain.DONE] == ["smu", "dac", "pots"]
    assert bench.model.conductances.max() < 1e-9


def test_an_instrument_of_many_roles_is_safe_in_all_of_them(made):
    bench = made(*SINGLE)
    with BenchCircuit(NETWORK, bench.station) as circuit:
        circuit.measure(Drive([[1.0]], Inject([[1e-4]])))
        bench.plain.DONE.clear()
    assert [done[1] for done in bench.plain.DONE] == ["off", "zero", "open"]
    assert bench.model.conductances.max() < 1e-9


def test_whatever_a_driver_raises_the_bench_is_left_safe(made, monkeypatch):
    bench = made()

    def burn(self, channels):
        raise ZeroDivisionError("burnt")

    circuit = BenchCircuit(NETWORK, bench.station)
    circuit.measure(Drive([[1.0]]))
    bench.plain.DONE.clear()
    monkeypatch.setattr(bench.plain.Meter, "off", burn)
    with pytest.raises(InstrumentError, match="NOT SAFE: smu: burnt"):
        circuit.close()
    assert [done[0] for done in bench.plain.DONE] == ["dac", "pots"]


def test_a_source_meter_drives_a_voltage_input(made):
    bench = made(('drive = "dac:1"', 'drive = "smu:2"'))
    drive = Drive([[1.0], [-0.7]], Inject([[1e-4], [-2e-4]]))
    with BenchCircuit(NETWORK, bench.station) as circuit:
        measured = circuit.measure(drive)
        true = modified_nodal(NETWORK, circuit.conductances, drive)
        np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-9)
    assert bench.plain.DONE[:2] == [("smu", "off", ("1",)), ("smu", "off", ("2",))]


@pytest.mark.parametrize("missing", [(np.nan, 1e-4), (0.1, np.nan)])
def test_what_a_source_meter_has_not_measured_is_no_compliance(made, monkeypatch, missing):
    bench = made()
    monkeypatch.setattr(bench.plain.Meter, "read", lambda self, channel: bench.plain.MeterReading(*missing, False))
    with (
        BenchCircuit(NETWORK, bench.station) as circuit,
        pytest.raises(InstrumentError, match=r"smu: channel 1 \(output t1,t2\) measured nothing \(NaN\)"),
    ):
        circuit.measure(Drive([[1.0]], Inject([[1e-4]])))


def test_a_source_meter_that_drives_is_watched(made):
    bench = made(('drive = "dac:1"', 'drive = "smu:2"'), ("i_compliance = 1e-2", "i_compliance = 1e-5"))
    with (
        BenchCircuit(NETWORK, bench.station) as circuit,
        pytest.raises(InstrumentError, match=r"smu: channel 2 \(source VS\) is in compliance"),
    ):
        circuit.measure(Drive([[1.0]]))


@pytest.mark.parametrize(("spike", "often"), [(0.5, 1), (0.5, 99), (5e-3, 99)])
def test_a_spike_in_one_reading_is_read_again_and_then_named(made, spike, often):
    bench = made()
    with BenchCircuit(NETWORK, bench.station) as circuit:
        quiet = circuit.measure(Drive([[1.0]])).node_voltages
        read, calls = bench.model.read, []

        def spiked(places, **options):
            calls.append(places)
            values = read(places, **options)
            values[5] += spike * (len(calls) % 8 == 3 and len(calls) // 8 < often)
            return values

        bench.model.read = spiked
        if often == 1:
            np.testing.assert_allclose(circuit.measure(Drive([[1.0]])).node_voltages, quiet, atol=1e-4)
            return
        with pytest.raises(InstrumentError, match=r"daq: daq:106 \(n12\) read .* from the median of its 8 read.*noise_max"):
            circuit.measure(Drive([[1.0]]))
        assert len(calls) == 3 * 8


def test_an_offset_that_somebody_left_on_a_channel_is_named_before_anything_is_learned(made):
    bench = made()
    bench.model.channels.offsets["daq:101"] += 0.05
    with (
        BenchCircuit(NETWORK, bench.station) as circuit,
        pytest.raises(InstrumentError, match=r"daq: daq:101 .* reads 0.05 V with every source at zero.*offset_max.*relative"),
    ):
        circuit.measure(Drive([[1.0]]))


def test_code_is_run_only_where_it_is_trusted(made, tmp_path):
    bench = made()
    with pytest.raises(StationError, match=r"instrument.daq.driver: 'plain:Card' is code.*--trust-station"):
        load_station(bench.path)
    with pytest.raises(StationError, match="--trust-station"):
        BenchCircuit(NETWORK, bench.path)
    command = ["bench", "show", str(bench.path), str(HERE.parents[1] / "netlists" / "allostery-bench.toml")]
    assert CliRunner().invoke(app, command).exit_code == 2
    assert CliRunner().invoke(app, [*command, "--trust-station"]).exit_code == 0
    bench.path.write_text(bench.path.read_text(encoding="utf-8").replace("plain:Box", "plain:Bxo"), encoding="utf-8")
    with pytest.raises(StationError, match=r"instrument.pots.driver: .*plain:Bxo"):
        load_station(bench.path, trust=True)


def test_an_experiment_that_is_trusted_trusts_its_station(made):
    settings = {"backend.name": "bench", "backend.station": str(made().path)}
    with load_experiment(EXPERIMENT, settings, trust_code=True).circuit() as circuit:
        assert circuit.measure(Drive([[1.0]])).output_voltages.shape == (1, 1)
    with pytest.raises(StationError, match="is code"):
        load_experiment(EXPERIMENT, settings).circuit()


def test_an_instrument_that_cannot_be_opened_is_named(made, monkeypatch):
    bench = made()

    def missing(setup):
        raise OSError("no card 3")

    monkeypatch.setattr(bench.plain.Meter, "connect", missing)
    with pytest.raises(InstrumentError, match="smu: cannot be opened: no card 3"):
        BenchCircuit(NETWORK, bench.station)


def test_a_calibrated_station_has_its_drivers_beside_it(made, tmp_path):
    bench, date = made(), datetime.date.today()
    written = write_calibrated(bench.station, tmp_path / "new", {}, None, 0.01, date)
    assert written.drivers["smu"].__name__ == "Meter"
    assert (tmp_path / "new" / "plain.py").read_text(encoding="utf-8") == (tmp_path / "plain.py").read_text(encoding="utf-8")


def test_a_box_without_a_watchdog_says_so(made):
    bench = made(('driver = "plain:Box"', 'driver = "plain:Box"\nwatchdog_s = 5'))
    with BenchCircuit(NETWORK, bench.station) as circuit, pytest.raises(InstrumentError, match="pots: has no watchdog"):
        circuit.measure(Drive([[1.0]]))


class Plain:
    """Instruments of a bench, for the contracts."""

    kind = ""

    @pytest.fixture(autouse=True)
    def _bench(self, made):
        self.bench = made()
        self.bench.model.set_source("dac:1", 0.5)

    def make(self):
        return getattr(self.bench.plain, self.kind)({"Card": "daq", "Box": "pots", "Meter": "smu"}[self.kind])


class TestCardScans(Plain, ScannerContract):
    kind, wired = "Card", Wired(read=("104", "101", "106"))

    def true_readings(self, instrument):
        return {channel: float(self.bench.model.read([f"daq:{channel}"])[0]) for channel in self.wired.read}


class TestCardDrives(Plain, SourceContract):
    kind, wired = "Card", Wired(drive=("1", "2"))

    def true_volts(self, instrument, channel):
        return self.bench.model.levels[f"daq:{channel}"]


class TestBox(Plain, ResistorBoxContract):
    kind, wired = "Box", Wired(set=("0",))

    def true_codes(self, instrument):
        made, table = self.bench.model.conductances, self.bench.station.tables["R1"].conductances
        return None if made.max() < 1e-9 else [int(np.abs(table - g).argmin()) for g in made]


class TestMeter(Plain, SourceMeterContract):
    kind, wired = "Meter", Wired(nudge=("1",))

    def true_output(self, instrument, channel):
        volts, amperes, _ = self.bench.model.read_meter("smu:1", instrument.drives.get(channel, self.bench.plain.OPEN))
        return volts, amperes
