"""`driver = "ophyd_async"`: signals over ophyd-async's own mock backend, alone and as a bench that learns."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from adapters import made, needs, table
from benches import EXPERIMENT, NETWORK, STATION, changed

from hwlearn import Drive, EquilibriumPropagation, Hold, Inject, train
from hwlearn.errors import InstrumentError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.drivers.ophyd_async import OphydAsync
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.station import load_station
from hwlearn.lab.virtual.bench import model_of
from hwlearn.lab.virtual.ports import OPEN, PortDrive
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract
from hwlearn.testing.nodal import modified_nodal

needs("ophyd_async")

HERE = Path(__file__).parent
HEAD = 'driver = "ophyd_async"\n[table.ophyd_async]\nclass = "ophyd_devices.{}"\nmock = true\n'
BOX = (
    HEAD.format("Box")
    + """[table.ophyd_async.box]
count = 24
top = 255
set = "codes[{channel}] = {code}; opened = False"
ask = "codes[{channel}]"
open = "opened = True"
open_ask = "opened"
"""
)
DAC = (
    HEAD.format("Dac")
    + """[table.ophyd_async.source]
set = "ch{channel} = {volts}"
ask = "ch{channel}"
"""
)
SCANNER = (
    HEAD.format("Scanner")
    + """[table.ophyd_async.scanner]
select = "volts[101]"
scan = "volts[{channel}]"
"""
)
METER = (
    HEAD.format("Meter")
    + """[table.ophyd_async.meter]
limit = "most_volts = {volts}; most_amperes = {amperes}"
inject = "on = False; current = {amperes}; on = True"
hold = "on = False; voltage = {volts}; on = True"
volts_ask = "measured_volts"
amperes_ask = "measured_amperes"
off = "on = False"
off_ask = "on"
"""
)


class Mocked:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make(self):
        return made(OphydAsync, table(self.text, self.folder), "BL01:", folder=HERE)

    def truly(self, instrument, signal):
        """What was put to the mock backend of a signal."""
        from ophyd_async.core import get_mock_put

        return get_mock_put(signal).call_args.args[0]


class TestBox(Mocked, ResistorBoxContract):
    text, wired = BOX, Wired(set=("0",))

    def true_codes(self, instrument):
        device = instrument.device
        return None if self.truly(instrument, device.opened) else [self.truly(instrument, device.codes[k]) for k in range(24)]


class TestSource(Mocked, SourceContract):
    text, wired = DAC, Wired(drive=("1", "2"))

    def true_volts(self, instrument, channel):
        return self.truly(instrument, getattr(instrument.device, f"ch{channel}"))


class TestScanner(Mocked, ScannerContract):
    text, wired = SCANNER, Wired(read=("104", "101", "110"))

    def make(self):
        from ophyd_async.core import set_mock_value

        instrument = super().make()
        for channel, volts in self.true_readings(instrument).items():
            instrument._awaited(
                lambda channel=channel, volts=volts: set_mock_value(instrument.device.volts[int(channel)], volts)
            )
        return instrument

    def true_readings(self, instrument):
        return {"101": 0.25, "104": -1.5, "110": 3.0}


@pytest.fixture
def connect(tmp_path):
    instruments = []

    def make(text):
        instruments.append(made(OphydAsync, table(text, tmp_path), "BL01:", folder=HERE))
        return instruments[-1]

    yield make
    for one in instruments:
        one.close()


def test_a_mock_is_told(connect):
    assert str(connect(DAC).look(Wired())[0]) == "is ophyd-async's mock backend: nothing reaches an instrument"


def test_methods_are_awaited_and_it_says_who_it_is(connect):
    box = connect(BOX.replace('open = "opened = True"', 'open = "connect_resistors()"'))
    assert box.identity == "ophyd_devices.Box BL01:"
    with pytest.raises(InstrumentError, match="says that its resistors are not open"):
        box.open()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("ch1.nothing = {volts}", "nothing"),
        ("parent = {volts}", "parent is nothing that can be set"),
        ("name = {volts}", "name is nothing that can be set"),
        ("ch3 = {volts}", "ch3"),
        ("ch1 = 'text{volts}'", r"ch1 = 'text1': "),
    ],
)
def test_what_cannot_be_set_is_not_made_up(connect, step, said):
    with pytest.raises(InstrumentError, match=rf"^it: channel 1, ophyd_async\.source\.set: .*{said}"):
        connect(DAC.replace("ch{channel} = {volts}", step)).set({"1": 1.0})


def test_a_device_that_does_not_answer_is_named(tmp_path):
    slow = "class Slow(Dac):\n    async def connect(self, **options):\n        raise TimeoutError('no PV')\n"
    slow = f"from ophyd_async.core import Device as Dac\n{slow}"
    (tmp_path / "slow.py").write_text(slow, encoding="utf-8")
    with pytest.raises(InstrumentError, match="it: making its driver: TimeoutError: no PV"):
        made(OphydAsync, table(DAC.replace("ophyd_devices.Dac", "slow.Slow"), tmp_path), folder=tmp_path)


def test_a_class_of_a_lab_is_code_and_one_of_ophyd_async_is_not(tmp_path):
    assert OphydAsync.code(table(DAC, tmp_path))
    assert OphydAsync.code(table(DAC.replace("ophyd_devices.Dac", "ophyd_async.sim.SimMotor"), tmp_path)) == ""


def test_a_bench_of_signals_learns(tmp_path):
    from ophyd_async.core import callback_on_mock_put, set_mock_value

    shutil.copy(HERE / "ophyd_devices.py", tmp_path / "ophyd_devices.py")
    drivers = {"daq": "keysight_daq970a", "dac": "scpi_dac", "smu": "keithley_2450", "pots": "scpi_resistors"}
    texts = {"daq": SCANNER, "dac": DAC, "smu": METER, "pots": BOX}
    changes = [
        ('backend = "virtual"', 'backend = "@py"'),
        ("watchdog_s = 30", ""),
        ("noise_v = 20e-6", "noise_v = 0"),
        ("lsb_v = 5e-6", "lsb_v = 0"),
        ("dac_bits = 16", "dac_bits = 0"),
        ("pot_tolerance = 0.2", "pot_tolerance = 0"),
        ("repeats = 8", "repeats = 1"),
        *[
            (f'driver = "{driver}"\n', texts[name].replace("table.", f"instrument.{name}."))
            for name, driver in drivers.items()
        ],
    ]
    (tmp_path / "station.toml").write_text(changed(STATION, *changes), encoding="utf-8")
    station = load_station(tmp_path / "station.toml", trust=True)
    model, meter = model_of(NETWORK, station), {"on": False, "mode": "current", "level": 0.0, "volts": 1.0, "amperes": 1.0}
    devices = {}

    def metered():
        level = PortDrive(meter["mode"], meter["level"], meter["volts"], meter["amperes"])
        return level if meter["on"] else OPEN

    def changes_circuit(change):
        """A put that changes the circuit, and with it all that is read."""

        def put(value):
            change(value)
            model.set_meter("smu:1", metered())
            for channel, signal in devices["daq"].volts.items():
                set_mock_value(signal, float(model.read([f"daq:{channel}"])[0]))
            volts, amperes, _ = model.read_meter("smu:1", metered())
            set_mock_value(devices["smu"].measured_volts, volts)
            set_mock_value(devices["smu"].measured_amperes, amperes)

        return put

    def wire(instruments):
        devices.update({name: instrument.device for name, instrument in instruments.items()})
        pots, smu, dac = devices["pots"], devices["smu"], devices["dac"]
        codes = [128] * 24

        def coded(k):
            def change(code):
                codes[k] = code
                model.set_code(f"pots:{k}", code)

            return change

        def opened(is_open):
            for k, code in enumerate(codes):
                model.set_code(f"pots:{k}", None if is_open else code)

        callback_on_mock_put(dac.ch1, changes_circuit(lambda volts: model.set_source("dac:1", volts)))
        callback_on_mock_put(pots.opened, changes_circuit(opened))
        for k, signal in pots.codes.items():
            callback_on_mock_put(signal, coded(k))
        callback_on_mock_put(smu.on, changes_circuit(lambda on: meter.update(on=on)))
        callback_on_mock_put(smu.current, lambda amperes: meter.update(mode="current", level=amperes))
        callback_on_mock_put(smu.voltage, lambda volts: meter.update(mode="voltage", level=volts))
        callback_on_mock_put(smu.most_volts, lambda volts: meter.update(volts=volts))
        callback_on_mock_put(smu.most_amperes, lambda amperes: meter.update(amperes=amperes))

    task = load_experiment(EXPERIMENT).task
    with BenchCircuit(NETWORK, station) as circuit:
        wire(circuit.connection.instruments)
        for outputs in (Inject([[1e-4], [-2e-4]]), Hold([[0.2], [0.1]])):
            drive = Drive([[1.0], [-0.7]], outputs)
            measured, true = circuit.measure(drive), modified_nodal(NETWORK, model.conductances, drive)
            np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-9)
        found = train(circuit, task, EquilibriumPropagation(2e-4, symmetric=True), steps=12, learning_rate=4e-6)
    assert found.losses[-1] < 0.25 * found.losses[0]
    assert (meter["on"], model.levels["dac:1"]) == (False, 0.0)
    assert model.conductances.max() < 1e-9
    model.close()
