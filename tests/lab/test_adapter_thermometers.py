"""The role temperature behind drivers of somebody else: QCoDeS' simulator, PyMeasure's protocol, signals, thermocouples."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from adapters import made, table, virtual_bench
from benches import NETWORK, STATION, changed

from hwlearn import Drive
from hwlearn.errors import InstrumentError, StationError
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.drivers.nidaqmx import Nidaqmx
from hwlearn.lab.instruments.drivers.ophyd_async import OphydAsync
from hwlearn.lab.instruments.drivers.pymeasure import Pymeasure
from hwlearn.lab.instruments.drivers.qcodes import Qcodes
from hwlearn.lab.instruments.roles import roles_of
from hwlearn.lab.instruments.settings import Setup
from hwlearn.lab.station import load_station

HERE = Path(__file__).parent
KELVIN = """
driver = "qcodes"
[table.qcodes]
class = "qcodes.instrument_drivers.Lakeshore.LakeshoreModel336"
arguments = { address = "GPIB::2::INSTR", pyvisa_sim_file = "lakeshore_model336.yaml" }
[table.qcodes.thermometer]
ask = "{channel}.temperature"
unit = "K"
"""
CELSIUS = """
driver = "pymeasure"
[table.pymeasure]
class = "pymeasure.instruments.lakeshore.LakeShore224"
[table.pymeasure.thermometer]
ask = "input_{channel}.celsius"
"""
SIGNAL = """
driver = "ophyd_async"
[table.ophyd_async]
class = "ophyd_devices.Probe"
mock = true
[table.ophyd_async.thermometer]
ask = "t{channel}"
"""


def library(name):
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


@library("qcodes")
@library("pyvisa_sim")
def test_qcodes_lakeshore_says_kelvin_and_the_bench_celsius(tmp_path):
    probe = made(Qcodes, table(KELVIN, tmp_path))
    try:
        assert roles_of(type(probe)) == ["Thermometer"]
        assert probe.celsius("A") == pytest.approx(100.0 - 273.15)  # 100 K in QCoDeS' own simulator
        with pytest.raises(InstrumentError, match=r"^it: channel X, qcodes\.thermometer\.ask"):
            probe.celsius("X")
    finally:
        probe.close()


@library("pymeasure")
@pytest.mark.filterwarnings("ignore:It is not known:FutureWarning")  # of PyMeasure, about the instrument
def test_pymeasures_lakeshore_is_asked_its_own_line(tmp_path):
    from pymeasure.instruments.lakeshore import LakeShore224
    from pymeasure.test import expected_protocol

    with expected_protocol(LakeShore224, [("*IDN?", "LSCI,MODEL224,0,1"), ("CRDG? C3", "+23.45")]) as device:

        class Spoken(Pymeasure):
            def _made(self, setup):
                return device

        probe = made(Spoken, table(CELSIUS, tmp_path))
        assert probe.celsius("C3") == 23.45
        probe.device = None  # the protocol cannot be closed
        probe.close()


@library("nidaqmx")
def test_a_thermocouple_is_read_between_scans(tmp_path, monkeypatch):
    from daqmx import StandIn
    from nidaqmx.constants import CJCSource, TemperatureUnits, ThermocoupleType

    card = StandIn({"ai0": 0.25, "ai5": 24.5}.__getitem__, lambda channel, volts: None)
    monkeypatch.setattr("nidaqmx.utils._select_interpreter", lambda options=None, interpreter=None: card)
    given = table('driver = "nidaqmx"\n[table.nidaqmx]\nthermocouple = "T"\n', tmp_path)
    it = Nidaqmx.connect(Setup("card", given, "Dev1"))
    it.select(["ai0"], volts=10, nplc=1, high_z=True)
    assert [it.celsius("ai5"), it.scan()[0, 0], it.celsius("ai5"), it.scan()[0, 0]] == [24.5, 0.25, 24.5, 0.25]
    (couple,) = [task.couple for task in card.tasks.values() if task.couple]
    assert couple == (ThermocoupleType.T, CJCSource.BUILT_IN, TemperatureUnits.DEG_C)
    with pytest.raises(InstrumentError, match=r"^card: reading the thermocouple at channel ai99: DaqError"):
        it.celsius("ai99")
    it.close()
    assert card.tasks == {}


@library("ophyd_async")
def test_a_bench_notes_what_a_signal_says(tmp_path):
    from ophyd_async.core import set_mock_value

    shutil.copy(HERE / "ophyd_devices.py", tmp_path / "ophyd_devices.py")
    probe = SIGNAL.replace("table.", "instrument.probe.")
    path = tmp_path / "station.toml"
    with virtual_bench(tmp_path) as virtual:
        changes = [
            ('backend = "virtual"', 'backend = "@py"'),
            ("[instrument.pots]", f"[instrument.probe]{probe}\n[instrument.pots]"),
            ("[node]", '[temperature]\nroom = { celsius = "probe:2" }\n\n[node]'),
            *[(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{at}"') for name, at in virtual.resources.items()],
            ('driver = "ophyd_async"', 'driver = "ophyd_async"\nresource = "BL01:"'),
        ]
        path.write_text(changed(STATION, *changes), encoding="utf-8")
        with pytest.raises(StationError, match=r"ophyd_devices\.Probe' is code"):
            load_station(path)
        with BenchCircuit(NETWORK, load_station(path, trust=True)) as circuit:
            set_mock_value(circuit.connection.instruments["probe"].device.t2, 22.5)
            circuit.measure(Drive([[1.0]]))
            assert circuit.celsius() == {"room": 22.5}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "K"', 'unit = "F"', "unit"),
        ('ask = "{channel}.temperature"', 'ask = "{channel}.temperature = 1"', "gives no value"),
        ('ask = "{channel}.temperature"', "", "ask"),
    ],
)
def test_what_is_no_thermometer_is_refused(tmp_path, old, new, said):
    with pytest.raises(ValueError, match=said):
        table(KELVIN.replace(old, new), tmp_path)


def test_celsius_is_taken_if_nothing_is_said(tmp_path):
    assert OphydAsync.table(table(SIGNAL, tmp_path)).thermometer.unit == "C"
    assert Qcodes.table(table(KELVIN, tmp_path)).thermometer.unit == "K"
