"""`driver = "qcodes"`: QCoDeS' drivers against virtual instruments, QCoDeS' own simulators, and its dummies."""

import datetime
import re
import shutil
import sys
from importlib import resources
from pathlib import Path

import pytest
from adapters import made, needs, on_page, table, virtual_bench
from attention import SERVED
from benches import Watch
from processes import wait_until

from hwlearn.errors import InstrumentError, StationError
from hwlearn.lab.instruments.drivers.qcodes import Qcodes
from hwlearn.lab.instruments.found import Driving
from hwlearn.lab.instruments.roles import Wired, roles_of
from hwlearn.lab.station import load_station
from hwlearn.lab.station.write import write_calibrated
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract, SourceMeterContract

needs("qcodes")

CLASS = "qcodes.instrument_drivers.Keithley.Keithley2450"
STATIONS = Path(__file__).parents[2] / "stations"

METER = "\n" + on_page("instrument.smu")
LIMIT = (METER[METER.index("limit = ") : METER.index("inject = ")], "limit = 'get_idn({volts}, {amperes})'\n")
BOX = """
driver = "qcodes"
[table.qcodes]
class = "digipots.Digipots"
errors = ":SYST:ERR?"
[table.qcodes.box]
count = 24
top = 255
set = "codes = {codes}"
ask = "codes"
open = "open_all()"
open_ask = "opened"
watchdog = "watchdog_s = {seconds}"
"""
DUMMY = """
driver = "qcodes"
[table.qcodes]
class = "qcodes.instrument_drivers.mock_instruments.DummyInstrument"
arguments = { gates = ["ch1", "ch2", "ch3"] }
"""
SOURCE = f"""{DUMMY}
[table.qcodes.source]
set = "ch{{channel}} = {{volts}}"
ask = "ch{{channel}}"
"""
SCANNER = f"""{DUMMY}
[table.qcodes.scanner]
select = "fixed_parameter"
scan = "{{channel}}"
"""


class OnVirtualBench:
    @pytest.fixture(autouse=True)
    def _bench(self, tmp_path):
        self.folder = tmp_path
        with virtual_bench(tmp_path) as self.virtual:
            yield

    def resource(self, name):
        return self.virtual.resources[name]


class TestMeter(OnVirtualBench, SourceMeterContract):
    wired = Wired(nudge=("1",))

    def make(self):
        return made(Qcodes, table(METER, self.folder), self.resource("smu"))

    def true_output(self, instrument, channel):
        smu = self.virtual.instruments["smu"]
        volts, amperes, _ = smu.measured(channel)
        return volts, amperes if smu.channels[channel].on else 0.0


class TestBox(OnVirtualBench, ResistorBoxContract):
    wired = Wired(set=("0",))

    def make(self):
        return made(Qcodes, table(BOX, self.folder), self.resource("pots"), folder=STATIONS)

    def true_codes(self, instrument):
        box = self.virtual.instruments["pots"]
        return None if box.opened else list(box.codes)

    def test_its_watchdog_is_told_and_hears_that_somebody_is_there(self, instrument):
        instrument.watchdog(7.0)
        box = self.virtual.instruments["pots"]
        heard = box.lines[-1]
        instrument.present()
        assert (box.watchdog, box.lines[-2:]) == (7.0, [":RES:OPEN?", heard])


class TestSource(SourceContract):
    wired = Wired(drive=("1", "2"))

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make(self):
        return made(Qcodes, table(SOURCE, self.folder))

    def true_volts(self, instrument, channel):
        return instrument.device.parameters[f"ch{channel}"].get()


class TestScanner(ScannerContract):
    wired = Wired(read=("ch3", "ch1", "ch2"))

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make(self):
        instrument = made(Qcodes, table(SCANNER, self.folder))
        for name, volts in self.true_readings(instrument).items():
            instrument.device.parameters[name].set(volts)
        return instrument

    def true_readings(self, instrument):
        return {"ch1": 0.25, "ch2": -1.5, "ch3": 3.0}


@pytest.fixture
def connect(tmp_path):
    instruments = []

    def make(text, *changes, resource=None, folder=tmp_path, **options):
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        instruments.append(made(Qcodes, table(text, tmp_path), resource, folder=folder, **options))
        return instruments[-1]

    yield make
    for one in instruments:
        one.close()


def simulated(file, address):
    """What points a driver at a simulator that comes with QCoDeS; the backend is that of the file."""
    pytest.importorskip("pyvisa_sim", reason="pyvisa-sim is not installed")
    return f'arguments = {{ address = "{address}", pyvisa_sim_file = "{file}" }}'


def test_qcodes_own_keithley_2450_is_found_on_and_switched_off(connect):
    given = simulated("Keithley_2450.yaml", "GPIB::2::INSTR")
    without = [
        (METER[METER.index("watch = ") : METER.index("[table.qcodes.meter]")], ""),
        LIMIT,
        (METER[METER.index("zero = ") :], ""),
    ]  # it knows no levels
    smu = connect(METER, ('errors = ":SYST:ERR?"', given), *without)
    assert smu.identity == "QCoDeS,correct mode,model,v0.01"
    smu.device.output_enabled(True)
    assert [str(one) for one in smu.look(Wired(nudge=("1",))) if isinstance(one, Driving)] == ["channel 1 has its output on"]
    smu.safe(Wired(nudge=("1",)))
    assert smu.device.output_enabled() is False


GS200 = """
driver = "qcodes"
[table.qcodes]
class = "qcodes.instrument_drivers.yokogawa.YokogawaGS200"
{}
[table.qcodes.source]
set = "voltage_range = 10; voltage = {{volts}}"
ask = "voltage"
on = "on()"
off = "off()"
off_ask = "output"
"""


def test_qcodes_own_yokogawa_gs200_goes_off_even_if_zero_is_refused(connect):
    dac = connect(GS200.format(simulated("Yokogawa_GS200.yaml", "GPIB::1::INSTR")))
    assert roles_of(type(dac)) == ["Source"]
    assert "GS200" in dac.identity
    dac.device.on()
    with pytest.raises(InstrumentError, match=r"channel 1, qcodes\.source\.set: voltage_range = 10; v"):
        dac.safe(Wired(drive=("1",)))
    assert dac.device.output() == "off"


LEVELS = """
      level:
        default: 1.25
        getter:
          q: ":SOUR:LEV?"
          r: "{}"
        setter:
          q: ":SOUR:LEV {}"
      range:
        default: 1
        getter:
          q: ":SOUR:RANG?"
          r: "{}"
        setter:
          q: ":SOUR:RANG {}"
"""


def test_a_yokogawa_gs200_with_levels_is_set_asked_found_and_left_safe(connect, tmp_path):
    """QCoDeS' simulator, and what a GS200 answers to its driver beside that."""
    pytest.importorskip("pyvisa_sim", reason="pyvisa-sim is not installed")
    text = resources.files("qcodes.instrument.sims").joinpath("Yokogawa_GS200.yaml").read_text(encoding="utf-8")
    text = text.replace("    properties:\n", f"    properties:{LEVELS}").replace(
        "    dialogues:\n", "    dialogues:\n      - q: '*OPT?'\n        r: 'NONE'\n"
    )
    (tmp_path / "gs200.yaml").write_text(text, encoding="utf-8")
    dac = connect(GS200.format(f'arguments = {{ address = "GPIB::1::INSTR", visalib = "{tmp_path / "gs200.yaml"}@sim" }}'))
    assert dac.look(Wired(drive=("1",)))[1:] == []  # its output is off, whatever its level
    dac.device.on()
    assert dac.look(Wired(drive=("1",)))[1:] == [Driving("makes 1.25 V", "1")]
    assert dac.set({"1": -0.5}) == {"1": -0.5}
    assert (dac.device.output(), dac.device.ask(":SOUR:RANG?")) == ("on", "10.0")
    with pytest.raises(InstrumentError, match=r"channel 1, qcodes\.source\.set: .*voltage = 40: "):
        dac.set({"1": 40.0})
    dac.safe(Wired(drive=("1",)))
    assert (dac.device.output(), dac.device.voltage()) == ("off", 0.0)


DMM = """
driver = "qcodes"
[table.qcodes]
class = "qcodes.instrument_drivers.Keysight.Keysight34465A"
{}
[table.qcodes.scanner]
select = "sense_function = 'DC Voltage'; range = {{volts}}; NPLC = {{nplc}}"
scan = "volt"
"""


def test_qcodes_own_keysight_34465a_reads(connect):
    dmm = connect(DMM.format(simulated("Keysight_34465A.yaml", "GPIB::1::INSTR")))
    dmm.select(["1"], volts=10, nplc=1, high_z=True)
    assert dmm.scan(2).tolist() == [[10.0], [10.0]]


@pytest.mark.parametrize("path", ["sense_function", "get_idn()", "nothing", "volt.set"])
def test_what_is_no_number_is_no_reading(connect, path):
    dmm = connect(DMM.format(simulated("Keysight_34465A.yaml", "GPIB::1::INSTR")), ('"volt"', f'"{path}"'))
    dmm.select(["1"], volts=10, nplc=1, high_z=True)
    with pytest.raises(InstrumentError, match=r"^it: channel 1, qcodes\.scanner\.scan"):
        dmm.scan()


def test_what_its_constructor_changed_is_told(connect, tmp_path):
    (tmp_path / "forward.py").write_text(
        "from qcodes.instrument_drivers.Keithley import Keithley2450\n"
        "class Forward(Keithley2450):\n"
        "    def __init__(self, name, address, **options):\n"
        "        super().__init__(name, address, **options)\n"
        "        self.output_enabled(True)\n",
        encoding="utf-8",
    )
    with virtual_bench(tmp_path) as virtual:
        text = METER.replace(CLASS, "forward.Forward")
        found = [str(one) for one in connect(text, resource=virtual.resources["smu"]).look(Wired(nudge=("1",)))]
    assert found == [
        "answered '0' to :OUTP? before its driver was made, and '1' afterwards",
        "channel 1 has its output on",
    ]


def test_the_record_of_a_run_says_which_driver_it_was(connect):
    report = connect(SOURCE).report()
    assert report["driver"] == "qcodes.instrument_drivers.mock_instruments.DummyInstrument"
    assert re.fullmatch(r"qcodes \d+\.\d+\..*", report["library"])


def test_what_nobody_asked_before_is_not_known(connect):
    (told,) = connect(SOURCE).look(Wired(drive=("1",)))
    assert "whether that changed an output is not known" in str(told)


def test_nothing_is_printed_and_a_refusal_names_channel_and_step(connect, tmp_path, capsys):
    with virtual_bench(tmp_path) as virtual:
        smu = connect(METER, resource=virtual.resources["smu"])
        smu.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
        assert capsys.readouterr().out == ""
        smu.device.write(":SOUR:CURR:RANG 1e-3")
        with pytest.raises(InstrumentError, match=r"^it: channel 1, qcodes\.meter\.inject: .*refused: -222"):
            smu.inject("1", 0.5)


def test_values_that_its_driver_refuses_name_channel_and_step(connect, tmp_path):
    with virtual_bench(tmp_path) as virtual:
        smu = connect(METER, ("source.current = {amperes}", "source.range = {amperes}"), resource=virtual.resources["smu"])
        with pytest.raises(InstrumentError, match=r"^it: channel 1, qcodes\.meter\.inject: .*range = 7; .*between -1 and 1"):
            smu.inject("1", 7.0)


def test_a_late_answer_is_thrown_away(connect, tmp_path):
    with virtual_bench(tmp_path) as virtual:
        smu = connect(METER, resource=virtual.resources["smu"], timeout=20.0)
        smu.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
        smu.inject("1", 1e-5)
        twin, watch = virtual.instruments["smu"], Watch(virtual)
        sent, twin.faults.late = SERVED[virtual.resources["smu"]].sent, 600
        twin.faults.add("late")
        smu.device.timeout.set(0.2)
        with pytest.raises(InstrumentError, match=r"channel 1, qcodes\.meter\.volts_ask"):
            smu.read("1")
        smu.device.timeout.set(20)
        watch.sleep(601)
        wait_until(lambda: SERVED[virtual.resources["smu"]].sent > sent)
        smu.safe(Wired(nudge=("1",)))
        assert not twin.channels["1"].on


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (CLASS, "os.system", r"qcodes\.class = 'os\.system' is code"),
        (CLASS, "qcodes.utils.X", r"qcodes\.class = 'qcodes\.utils\.X' is code"),
        ('errors = ":SYST:ERR?"', 'arguments = { visalib = "/tmp/evil.so@ivi" }', r"text such as '/tmp/evil.so@ivi'"),
        ('errors = ":SYST:ERR?"', 'arguments = { pyvisa_sim_file = "evil:x.yaml" }', r"text such as 'evil:x.yaml'"),
        ('off = "output_enabled = False"', "off = \"load_metadata('x')\"", "gives text to a method"),
        (f'class = "{CLASS}"', 'station = "lab.yaml"', r"qcodes\.station = 'lab\.yaml' is code"),
    ],
)  # fmt: skip
def test_code_of_others_is_named_only_where_it_is_trusted(tmp_path, old, new, said):
    given = table(METER.replace(old, new), tmp_path)
    assert Qcodes.code(given)
    with pytest.raises(StationError, match=rf"instrument\.smu\.driver: .*{said}.*--trust-station"):
        load_station(station(tmp_path, METER.replace(old, new)))


def station(folder, text):
    """stations/allostery.toml with another source meter."""
    whole = (STATIONS / "allostery.toml").read_text(encoding="utf-8")
    old = whole[whole.index("[instrument.smu]") :]
    old = old[: old.index("\n[", 1) + 1]
    path = folder / "station.toml"
    path.write_text(whole.replace(old, f"[instrument.smu]{text.replace('[table.', '[instrument.smu.')}\n"), encoding="utf-8")
    return path


def test_an_installed_driver_needs_no_trust(tmp_path):
    assert Qcodes.code(table(METER, tmp_path)) == ""
    assert roles_of(load_station(station(tmp_path, METER)).drivers["smu"]) == ["Source", "SourceMeter"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("output_enabled = False", "output_enabled = not_a_literal", "is no step"),
        ("output_enabled = False", "__class__ = 1", "private"),
        ("output_enabled = False", "output_enabled.__call__(False)", "private"),
        ("output_enabled = False", "import os", "is no step"),
        ("output_enabled = False", "(lambda: 1)()", "is no step"),
        ("output_enabled = False", "a" * 3000, "longer than"),
        ('off_ask = "output_enabled"', 'off_ask = "output_enabled = True"', "gives no value"),
        ("source.current = {amperes}", "source.current = 0", r"lacks \{amperes\}"),
        ('driver = "qcodes"', 'driver = "qcodes"\nbaud_rate = 9600', "baud_rate: its driver knows its line"),
        (f'class = "{CLASS}"', "", "give either class, or station"),
        ("class = ", 'name = "x"\nclass = ', "name is that of an instrument in the file"),
        ('driver = "qcodes"', 'driver = "scpi"', 'only driver = "qcodes" is told'),
        ('watch = [":OUTP?"', 'watch = [":OUTP ON"', "':OUTP ON' is not one question"),
        ('errors = ":SYST:ERR?"', 'errors = ":OUTP ON;:SYST:ERR?"', "is not one question"),
    ],
)  # fmt: skip
def test_steps_that_are_none_are_refused_before_anything_is_touched(tmp_path, old, new, said):
    assert old in METER
    with pytest.raises(StationError, match=said):
        load_station(station(tmp_path, METER.replace(old, new)))


def test_paths_leave_the_library_only_where_it_is_trusted(connect, tmp_path):
    with virtual_bench(tmp_path) as virtual:
        text = METER.replace("volts_ask = \"sense_function = 'voltage'; sense.voltage\"", 'volts_ask = "visa_handle.timeout"')
        smu = connect(text, resource=virtual.resources["smu"])
        smu.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
        smu.inject("1", 1e-5)
        with pytest.raises(InstrumentError, match=r"TCPIPSocket is nothing of qcodes"):
            smu.read("1")


def test_a_library_that_is_missing_is_asked_for(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == "qcodes"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "qcodes", None)
    with pytest.raises(InstrumentError, match=r"it: making its driver: .*qcodes is not installed: pip install qcodes"):
        made(Qcodes, table(SOURCE, tmp_path))


def test_a_station_file_of_qcodes_names_its_instruments(connect, tmp_path):
    (tmp_path / "lab.yaml").write_text(
        "instruments:\n  dac:\n    type: qcodes.instrument_drivers.mock_instruments.DummyInstrument\n"
        "    init:\n      gates: ['ch1', 'ch2']\n    parameters:\n      ch1:\n        limits: [-2, 2]\n",
        encoding="utf-8",
    )
    origin = (
        SOURCE.partition("class = ")[0]
        + 'station = "lab.yaml"\nname = "dac"\n'
        + SOURCE[SOURCE.index("[table.qcodes.source]") :]
    )
    dac = connect(origin, folder=tmp_path)
    assert dac.set({"1": 1.5}) == {"1": 1.5}
    with pytest.raises(InstrumentError, match=r"channel 1, qcodes\.source\.set: ch1 = 2\.5: ValueError"):
        dac.set({"1": 2.5})


def test_an_instrument_that_is_another_one_is_refused(tmp_path):
    with virtual_bench(tmp_path) as virtual:
        given = table(METER.replace('driver = "qcodes"', 'driver = "qcodes"\nidn = "MODEL 2460"'), tmp_path)
        with pytest.raises(InstrumentError, match=r"is 'HWLEARN,2450.*wants 'MODEL 2460'"):
            made(Qcodes, given, virtual.resources["smu"])
        made(Qcodes, table(METER, tmp_path), virtual.resources["smu"]).close()  # its lock and its name are free again


def test_a_calibrated_station_has_what_it_names_beside_it(tmp_path):
    shutil.copy(STATIONS / "digipots.py", tmp_path / "digipots.py")
    made = load_station(station(tmp_path, METER.replace(CLASS, "digipots.Digipots")), trust=True)
    written = write_calibrated(made, tmp_path / "new", {}, None, 0.01, datetime.date.today())
    assert (tmp_path / "new" / "digipots.py").read_bytes() == (STATIONS / "digipots.py").read_bytes()
    assert written.settings.instrument["smu"] == made.settings.instrument["smu"]
    made = load_station(station(tmp_path, METER.replace(f'class = "{CLASS}"', 'station = "lab.yaml"')), trust=True)
    written = write_calibrated(made, tmp_path / "new", {}, None, 0.01, datetime.date.today())
    assert written.settings.instrument["smu"].qcodes.station == "../lab.yaml"
