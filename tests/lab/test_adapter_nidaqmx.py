"""`driver = "nidaqmx"`: the card's roles over nidaqmx itself, on a stand-in for the runtime; then a bench of it."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from adapters import needs, table
from benches import EXPERIMENT, NETWORK, STATION, changed
from pydantic import ValidationError

from hwlearn import Drive, EquilibriumPropagation, Inject, train
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.drivers.nidaqmx import Nidaqmx
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.settings import Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual.bench import model_of
from hwlearn.testing import ScannerContract, SourceContract
from hwlearn.testing.nodal import modified_nodal

needs("nidaqmx")

GIVEN = 'driver = "nidaqmx"\n[table.nidaqmx]\n'


@pytest.fixture
def card(monkeypatch):
    """The stand-in of a card: its inputs by name."""
    from daqmx import StandIn

    made = StandIn({"ai0": 0.25, "ai1": -1.5, "ai2": 3.0, "ai16": 9.5}.__getitem__, lambda channel, volts: None)
    monkeypatch.setattr("nidaqmx.utils._select_interpreter", lambda options=None, interpreter=None: made)
    return made


@pytest.fixture
def connect(card, tmp_path):
    instruments = []

    def make(text="", resource="Dev1", **options):
        instruments.append(Nidaqmx.connect(Setup("card", table(GIVEN + text, tmp_path), resource, **options)))
        return instruments[-1]

    yield make
    for one in instruments:
        one.close()


class TestDrives(SourceContract):
    wired = Wired(drive=("ao0", "ao1"))

    @pytest.fixture(autouse=True)
    def _card(self, card, tmp_path):
        self.card, self.folder = card, tmp_path

    def make(self):
        return Nidaqmx.connect(Setup("card", table(GIVEN, self.folder), "Dev1"))

    def true_volts(self, instrument, channel):
        return self.card.outputs[channel]


class TestSenses(ScannerContract):
    wired = Wired(read=("ai2", "ai0", "ai1"))

    @pytest.fixture(autouse=True)
    def _card(self, card, tmp_path):
        self.card, self.folder = card, tmp_path

    def make(self):
        return Nidaqmx.connect(Setup("card", table(GIVEN, self.folder), "Dev1"))

    def true_readings(self, instrument):
        return {"ai0": 0.25, "ai1": -1.5, "ai2": 3.0}


def test_connecting_makes_nothing_and_closing_lets_outputs_as_they_are(card, connect):
    made = connect()
    made.look(Wired(drive=("ao0",)))
    assert (card.outputs, card.tasks) == ({}, {})
    assert made.identity == "National Instruments,USB-6001 (stand-in),01F2E3D4,"
    made.set({"ao0": 1.5})
    made.select(["ai0"], volts=10, nplc=1, high_z=True)
    made.close()
    assert (card.outputs, card.tasks) == ({"ao0": 1.5}, {})


def test_inputs_are_differential_and_a_reading_lasts_whole_cycles_of_the_mains(card, connect):
    from nidaqmx.constants import TerminalConfiguration

    made = connect("rate_hz = 5000", line_hz=60)
    made.select(["ai0", "ai16"], volts=10, nplc=2, high_z=True, delay=1e-3)
    (task,) = card.tasks.values()
    assert (task.channels, task.terminal) == (["ai0", "ai16"], TerminalConfiguration.DIFF)
    assert (task.rate, task.converts, task.span) == (500.0, 1000.0, (-10, 10))  # two channels, 1 ms each
    assert task.samples == 17  # 2 cycles of 60 Hz at 500 samples per second
    assert made.scan().tolist() == [[0.25, 9.5]]
    made.select(["ai2"], volts=5, nplc=1, high_z=True)
    (task,) = card.tasks.values()  # the other one is gone
    assert (task.rate, task.samples, task.converts) == (5000.0, 83, None)
    assert made.scan(2).tolist() == [[3.0], [3.0]]


@pytest.mark.parametrize(("wired", "terminal"), [("rse", "RSE"), ("nrse", "NRSE"), ("pseudodifferential", "PSEUDO_DIFF")])
def test_inputs_are_wired_as_the_station_says(card, connect, wired, terminal):
    made = connect(f'terminal = "{wired}"')
    made.select(["ai8"], volts=10, nplc=1, high_z=True)
    assert next(iter(card.tasks.values())).terminal.name == terminal


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda it: it.set({"ao0": 1.0, "ao1": 11.0}), r"channel ao1 cannot make 11 V: nidaqmx\.min_v and max_v are -10, 10"),
        (lambda it: it.set({"ao9": 1.0}), r"channel ao9 to 1 V: DaqError: Physical channel .* does not exist"),
        (lambda it: it.select(["ai8"], volts=10, nplc=1, high_z=True), r"channels ai8 as differential inputs .*negative side"),
        (lambda it: it.select(["ai0"], volts=100, nplc=1, high_z=True), r"channels ai0 as differential inputs of 100 V: "),
        (lambda it: it.scan(), r"has no channels to scan"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_names_the_channels_and_makes_nothing(card, connect, act, said):
    with pytest.raises(InstrumentError, match=rf"^card: {said}"):
        act(connect())
    assert card.outputs == {}


def test_after_a_reading_that_failed_it_reads_again(card, connect):
    made = connect()
    made.select(["ai0"], volts=10, nplc=1, high_z=True)
    (task,) = card.tasks.values()
    task.samples += 1
    with pytest.raises(InstrumentError, match=r"card: reading channels ai0: DaqError: Some or all of the samples"):
        made.scan()
    task.samples -= 1
    assert made.scan().tolist() == [[0.25]]


def test_one_output_that_fails_does_not_keep_others_from_zero(card, connect):
    made = connect()
    made.set({"ao0": 1.0, "ao1": 2.0})
    made._outputs["ao0"].close()
    made._outputs["ao0"] = made._outputs["ao1"].channel_names  # no task
    with pytest.raises(InstrumentError, match="channel ao0 to 0 V"):
        made.safe(Wired(drive=("ao0", "ao1")))
    assert card.outputs["ao1"] == 0.0
    del made._outputs["ao0"]


def test_another_device_another_card_and_a_runtime_that_is_missing_are_named(connect, monkeypatch, tmp_path):
    with pytest.raises(InstrumentError, match=r"card: device Dev2: DaqError: Device identifier is invalid"):
        connect(resource="Dev2")
    given = table('driver = "nidaqmx"\nidn = "USB-6002"', tmp_path)
    with pytest.raises(InstrumentError, match=r"is 'National Instruments,USB-6001.*wants 'USB-6002'"):
        Nidaqmx.connect(Setup("card", given, "Dev1"))
    monkeypatch.setitem(sys.modules, "nidaqmx", None)
    with pytest.raises(InstrumentError, match=r"nidaqmx is not installed: pip install nidaqmx"):
        connect()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows may have the runtime")
def test_without_the_runtime_nidaqmx_says_so(tmp_path):
    with pytest.raises(InstrumentError, match=r"card: device Dev1: Daq(NotFound|NotSupported|FunctionNotSupported)Error"):
        Nidaqmx.connect(Setup("card", table(GIVEN, tmp_path), "Dev1"))


@pytest.mark.parametrize("wrong", ["min_v = 1", "max_v = 0", "rate_hz = 0", 'terminal = "floating"'])
def test_a_table_that_cannot_be_is_refused(tmp_path, wrong):
    with pytest.raises(ValidationError):
        table(GIVEN + wrong, tmp_path)


def test_it_drives_and_senses_a_bench_that_learns(card, tmp_path):
    shutil.copy(Path(__file__).parent / "plain_instruments.py", tmp_path / "plain.py")
    nodes = [f"ai{k + 8 * (k // 8)}" for k in range(15)]  # the differential ones
    changes = [
        ('backend = "virtual"', 'backend = "@py"'),
        ("watchdog_s = 30", ""),
        ("noise_v = 20e-6", "noise_v = 0"),
        ("lsb_v = 5e-6", "lsb_v = 0"),
        ("dac_bits = 16", "dac_bits = 0"),
        ('[instrument.daq]\ndriver = "keysight_daq970a"', '[instrument.card]\ndriver = "nidaqmx"\nresource = "Dev1"'),
        ('[instrument.dac]\ndriver = "scpi_dac"\n', ""),
        ('driver = "keithley_2450"', 'driver = "plain:Meter"'),
        ('driver = "scpi_resistors"', 'driver = "plain:Box"'),
        ('"dac:1"', '"card:ao0"'),
        ('["smu", "dac", "pots"]', '["smu", "card", "pots"]'),
        *[(f'"daq:{101 + k}"', f'"card:{node}"') for k, node in enumerate(nodes)],
    ]  # fmt: skip
    (tmp_path / "station.toml").write_text(changed(STATION, *changes), encoding="utf-8")
    station = load_station(tmp_path / "station.toml", trust=True)
    model = model_of(NETWORK, station)
    card.read, card.write = (lambda channel: float(model.read([f"card:{channel}"])[0])), (
        lambda channel, volts: model.set_source(f"card:{channel}", volts)
    )  # fmt: skip
    sys.modules[station.drivers["pots"].__module__].MODEL = model
    task, drive = load_experiment(EXPERIMENT).task, Drive([[1.0], [-0.7]], Inject([[1e-4], [-2e-4]]))
    with BenchCircuit(NETWORK, station) as circuit:
        measured = circuit.measure(drive)
        true = modified_nodal(NETWORK, model.conductances, drive)
        np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-9)
        found = train(circuit, task, EquilibriumPropagation(2e-4, symmetric=True), steps=12, learning_rate=4e-6)
    assert found.losses[-1] < 0.25 * found.losses[0]
    assert (card.outputs, card.tasks) == ({"ao0": 0.0}, {})
    assert model.conductances.max() < 1e-9
    model.close()
