"""stations/labjack.toml, a driver of a lab's own as `module:Class`, with a stand-in for LJM as its package documents it."""

import sys
from types import ModuleType

import numpy as np
import pytest
from benches import changed
from processes import ROOT

from hwlearn import Drive, EquilibriumPropagation, Inject, Network, train
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.found import Driving
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.settings import InstrumentTable, Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual.bench import model_of
from hwlearn.testing import ScannerContract, SourceContract
from hwlearn.testing.nodal import modified_nodal

STATIONS, NETWORK = ROOT / "stations", load_experiment(ROOT / "netlists" / "board.toml").network


class Ljm(ModuleType):
    """One T7 with a Mux80 and an LJTick-DAC."""

    def __init__(self, read, write=lambda name, volts: None):
        super().__init__("labjack.ljm")
        self.inputs, self.write = read, write
        self.registers, self.closed = {"DAC0": 0.0, "DAC1": 0.0, "TDAC0": 0.0, "TDAC1": 0.0}, 0

    def openS(self, device, connection, identifier):
        assert (device, connection) == ("ANY", "ANY")
        if identifier != "ANY":
            raise OSError("LJME_DEVICE_NOT_FOUND")
        return 1

    def getHandleInfo(self, handle):
        return 7, 1, 470012345, 0, 0, 64

    def close(self, handle):
        self.closed += 1

    def eWriteNames(self, handle, count, names, values):
        assert count == len(names) == len(values)
        for name, value in zip(names, values, strict=True):
            if name.startswith("AIN"):
                self.registers[name] = value
                continue
            if name not in self.registers:
                raise OSError(f"LJME_INVALID_NAME: {name}")
            low, high = (0.0, 5.0) if name.startswith("DAC") else (-10.0, 10.0)
            self.registers[name] = min(max(value, low), high)
            self.write(name, self.registers[name])

    def eReadName(self, handle, name):
        assert name.startswith("DAC"), "an LJTick-DAC cannot be read"
        return self.registers[name]

    def eReadNames(self, handle, count, names):
        assert count == len(names)
        return [self.inputs(name) for name in names]


@pytest.fixture
def ljm(monkeypatch):
    made = Ljm({"AIN48": 0.25, "AIN50": -1.5, "AIN63": 3.0}.__getitem__)
    package = ModuleType("labjack")
    package.ljm = made
    monkeypatch.setitem(sys.modules, "labjack", package)
    monkeypatch.setitem(sys.modules, "labjack.ljm", made)
    return made


def connected(resource="ANY"):
    driver = load_station(STATIONS / "labjack.toml", trust=True).drivers["lab"]
    return driver.connect(Setup("lab", InstrumentTable(driver="labjack_t7:LabJack"), resource))


class OfLab:
    @pytest.fixture(autouse=True)
    def _ljm(self, ljm):
        self.ljm = ljm

    def make(self):
        return connected()


class TestDrives(OfLab, SourceContract):
    wired = Wired(drive=("TDAC0", "TDAC1"))

    def true_volts(self, instrument, channel):
        return self.ljm.registers[channel]


class TestSenses(OfLab, ScannerContract):
    wired = Wired(read=("AIN63", "AIN48", "AIN50"))

    def true_readings(self, instrument):
        return {"AIN48": 0.25, "AIN50": -1.5, "AIN63": 3.0}


def test_inputs_are_set_up_and_a_reading_that_was_not_made_is_none(ljm):
    lab = connected()
    lab.select(["AIN48", "AIN50"], volts=10, nplc=1, high_z=True, delay=1e-3)
    wanted = {"RANGE": 10.0, "NEGATIVE_CH": 199.0, "RESOLUTION_INDEX": 0.0, "SETTLING_US": 1000.0}
    assert all(ljm.registers[f"{channel}_{word}"] == value for channel in ("AIN48", "AIN50") for word, value in wanted.items())
    ljm.inputs = {"AIN48": 0.25, "AIN50": -9999.0}.__getitem__
    np.testing.assert_array_equal(lab.scan(), [[0.25, np.nan]])


def test_a_voltage_that_it_cannot_make_is_refused_and_one_that_was_left_on_is_found(ljm):
    lab = connected()
    with pytest.raises(InstrumentError, match=r"lab: channel DAC0 was set to -1 V: out of its range"):
        lab.set({"DAC0": -1.0})
    lab.set({"DAC1": 2.5})
    assert lab.look(Wired(drive=("DAC0", "DAC1", "TDAC0"))) == [Driving("makes 2.5 V", "DAC1")]
    with pytest.raises(OSError, match="NOT_FOUND"):
        connected("470000000")


def test_its_station_learns(ljm, tmp_path):
    (tmp_path / "labjack_t7.py").write_bytes((STATIONS / "labjack_t7.py").read_bytes())
    (tmp_path / "plain.py").write_bytes((ROOT / "tests" / "lab" / "plain_instruments.py").read_bytes())
    text = (STATIONS / "labjack.toml").read_text(encoding="utf-8")
    pots = text[text.index("[instrument.pots]") : text.index("[input.V1]")]
    changes = [
        (pots, '[instrument.pots]\ndriver = "plain:Box"\n\n'),
        ("repeats = 4", "repeats = 1"),
        ("settle_s = 0.01", "settle_s = 0"),
    ]
    quick = [("nplc = 1", "nplc = 0.01"), ('rounding = "stochastic"', 'rounding = "nearest"')]
    (tmp_path / "station.toml").write_text(changed(text, *changes, *quick), encoding="utf-8")
    station = load_station(tmp_path / "station.toml", trust=True)
    model = sys.modules[station.drivers["pots"].__module__].MODEL = model_of(NETWORK, station)
    ljm.inputs = lambda name: float(model.read([f"lab:{name}"])[0])
    ljm.write = lambda name, volts: model.set_source(f"lab:{name}", volts)
    drive = Drive([[0.75], [-0.5]], Inject([[5e-6], [-2e-6]]))
    with BenchCircuit(NETWORK, station) as circuit:
        measured = circuit.measure(drive)
        edges = [edge[:2] for edge in NETWORK.edges]
        true = modified_nodal(
            Network.from_edges(edges, inputs=NETWORK.inputs, outputs=NETWORK.outputs), model.conductances, drive
        )
        np.testing.assert_allclose(measured.output_voltages, true.output_voltages, atol=2e-3)  # tolerance_v of its nudge
        task = load_experiment(ROOT / "netlists" / "board.toml").task
        found = train(circuit, task, EquilibriumPropagation(2e-5, symmetric=True), steps=10, learning_rate=5e-6)
    assert found.losses[-1] < 0.5 * found.losses[0]
    assert (ljm.registers["TDAC0"], ljm.registers["TDAC1"], ljm.closed) == (0.0, 0.0, 1)
    assert model.conductances.max() < 1e-9
    model.close()
