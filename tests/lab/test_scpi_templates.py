"""`driver = "scpi"`: instruments whose lines stand in the station file, spoken to by virtual instruments of other drivers."""

import datetime
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from benches import Clock
from processes import ENDLESS, ended, start, stop_when
from typer.testing import CliRunner

from hwlearn import Drive, Hold, Inject
from hwlearn.cli import app
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.scpi.templates import each
from hwlearn.lab.instruments.settings import Setup
from hwlearn.lab.station import load_station
from hwlearn.lab.station.write import write_calibrated
from hwlearn.lab.virtual import VirtualBench
from hwlearn.testing import ResistorBoxContract, ScannerContract, SourceContract, SourceMeterContract
from hwlearn.testing.nodal import modified_nodal

ROOT = Path(__file__).parents[2]
EXPERIMENT, STATION = ROOT / "netlists" / "allostery-bench.toml", ROOT / "stations" / "scpi.toml"
TEXT = STATION.read_text(encoding="utf-8")
NETWORK = load_experiment(EXPERIMENT).network
EXACT = [("noise_v = 20e-6", "noise_v = 0"), ("lsb_v = 5e-6", "lsb_v = 0"), ("dac_bits = 16", "")]


def written(folder, *changes):
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def opened(name, station, virtual):
    table = station.settings.instrument[name]
    return station.drivers[name].connect(Setup(name, table, virtual.resources[name], timeout_s=0.5))


@pytest.fixture
def connect(tmp_path):
    """An instrument of a virtual bench, and that bench."""
    benches, made = [], []

    def make(name, *changes):
        station = load_station(written(tmp_path, *changes))
        benches.append(VirtualBench(NETWORK, station))
        made.append(opened(name, station, benches[-1]))
        return made[-1], benches[-1]

    yield make
    for one in (*made, *benches):
        one.close()


class OnVirtualBench:
    @pytest.fixture(autouse=True)
    def _bench(self, tmp_path):
        self.station = load_station(written(tmp_path, *EXACT))
        with VirtualBench(NETWORK, self.station) as self.virtual:
            opened("pots", self.station, self.virtual).write([128] * 24)
            self.virtual.model.set_source("dac:1", 1.25)
            yield


class TestSource(OnVirtualBench, SourceContract):
    wired = Wired(drive=("1", "2"))

    def make(self):
        return opened("dac", self.station, self.virtual)

    def true_volts(self, instrument, channel):
        dac = self.virtual.instruments["dac"]
        return 0.0 if channel in dac.off else dac.volts.get(channel, 0.0)


class TestBox(OnVirtualBench, ResistorBoxContract):
    wired = Wired(set=tuple(map(str, range(24))))

    def make(self):
        return opened("pots", self.station, self.virtual)

    def true_codes(self, instrument):
        box = self.virtual.instruments["pots"]
        return None if box.opened else list(box.codes)


class TestMeter(OnVirtualBench, SourceMeterContract):
    wired = Wired(nudge=("1",))

    def make(self):
        return opened("smu", self.station, self.virtual)

    def true_output(self, instrument, channel):
        smu = self.virtual.instruments["smu"]
        volts, amperes, _ = smu.measured(channel)
        return volts, amperes if smu.channels[channel].on else 0.0


class TestScanner(OnVirtualBench, ScannerContract):
    tolerance, wired = 1e-9, Wired(read=("103", "101", "102"))

    def make(self):
        return opened("daq", self.station, self.virtual)

    def true_readings(self, instrument):
        at = modified_nodal(NETWORK, self.virtual.model.conductances, Drive([[1.25]], Inject([[0.0]]))).node_voltages[0]
        nodes = NETWORK.node_index
        return {place.partition(":")[2]: at[nodes[node]] for place, node in self.virtual.model.wiring.nodes.items()}


def test_bench_check_passes():
    done = CliRunner().invoke(app, ["bench", "check", str(STATION), str(EXPERIMENT)])
    assert done.exit_code == 0, done.output
    assert re.search(r"\d+ tests, none failed", done.output)


@pytest.mark.parametrize("outputs", [None, Inject([[1e-5], [-2e-5]]), Hold([[0.2], [0.1]])], ids=["open", "inject", "hold"])
def test_phases_are_those_of_the_circuit(outputs, tmp_path):
    drive = Drive([[1.0], [-0.7]]) if outputs is None else Drive([[1.0], [-0.7]], outputs)
    with BenchCircuit(NETWORK, written(tmp_path, *EXACT, ("pot_tolerance = 0.2", "pot_tolerance = 0"))) as circuit:
        measured = circuit.measure(drive)
        true = modified_nodal(NETWORK, circuit.conductances, drive)
    np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=1e-6)


def test_ep_learns_on_the_4_by_4_grid(tmp_path):
    words = ["train", EXPERIMENT, "--backend", "bench", "--station", STATION, "--steps", 400, "--no-save", "--json"]
    done = CliRunner().invoke(app, [str(word) for word in (*words, "--set", "train.stop_loss=1e-6")])
    assert done.exit_code == 0, done.output
    assert '"stopped_because": "loss"' in done.stdout or '"stopped": "loss"' in done.stdout, done.stdout[:600]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_a_signal_leaves_it_safe_and_after_kill_9_the_watchdog_opens(tmp_path, number):
    with VirtualBench(NETWORK, load_station(STATION)) as virtual:
        text = TEXT.replace('backend = "virtual"', 'backend = "@py"').replace("watchdog_s = 30", "watchdog_s = 600")
        for name, resource in virtual.resources.items():
            text = text.replace(f"[instrument.{name}]", f'[instrument.{name}]\nresource = "{resource}"')
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        clock = Clock(virtual)
        dac, smu, pots = (virtual.instruments[name] for name in ("dac", "smu", "pots"))

        def on():
            return smu.channels and smu.channels["1"].on and dac.volts.get("1") and not pots.opened

        process = start("train", EXPERIMENT, "--backend", "bench", "--station", path, *ENDLESS, "--no-save")
        try:
            stop_when(on, process)
            process.send_signal(getattr(signal, number))
            process.send_signal(signal.SIGCONT)
            _, error = ended(process)
        finally:
            process.kill()
            process.communicate()
        if number == "SIGKILL":
            assert not pots.opened
            clock.skip(601)
            assert pots.opened
            return
        assert process.returncode == 143, error
        assert (smu.channels["1"].on, dac.volts["1"], "1" in dac.off, pots.opened) == (False, 0.0, True, True)


def test_a_refusal_names_instrument_channel_and_key(connect):
    dac, _ = connect("dac")
    with pytest.raises(InstrumentError, match=r"^dac .*: channel 1, scpi\.source\.set: refused .*-222"):
        dac.set({"1": 99.0})


def test_an_unknown_line_names_its_key(connect):
    smu, _ = connect("smu", ('inject = ":SOUR:FUNC CURR', 'inject = ":SOUR:FANCY CURR'))
    smu.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
    with pytest.raises(InstrumentError, match=r"^smu .*: channel 1, scpi\.meter\.inject: refused .*-113"):
        smu.inject("1", 1e-5)


def test_what_is_no_number_is_no_reading(connect):
    daq, _ = connect("daq", ('scan = ":ABOR;:READ?"', 'scan = "*IDN?"'))
    daq.select(["101"], volts=10, nplc=1, high_z=True)
    with pytest.raises(InstrumentError, match=r"^daq .*: channel 101, scpi\.scanner\.scan: .*is no number|values for 1"):
        daq.scan()


def test_an_output_that_stays_on_is_not_called_off(connect):
    smu, virtual = connect("smu", ('off = ":OUTP OFF"', 'off = "*WAI"'))
    virtual.instruments["smu"].answer(":OUTP ON")
    with pytest.raises(InstrumentError, match=r"^smu .*: channel 1, scpi\.meter\.off: was told '\*WAI', twice"):
        smu.safe(Wired(nudge=("1",)))


def test_the_first_limit_switches_off_and_later_ones_leave_the_output_as_it_is(connect):
    smu, virtual = connect("smu")
    twin = virtual.instruments["smu"]
    twin.answer(":OUTP ON")
    smu.limit("1", volts=1.0, amperes=1e-3, nplc=1.0)
    assert not twin.channels["1"].on
    smu.hold("1", 0.1)
    smu.limit("1", volts=2.0, amperes=1e-3, nplc=1.0)
    assert twin.channels["1"].on


def test_a_drive_is_off_even_if_zero_is_refused(connect):
    dac, virtual = connect("dac", ('set = ":SOUR:VOLT {volts}', 'set = ":SOUR:FANCY {volts}'))
    with pytest.raises(InstrumentError, match=r"scpi\.source\.set"):
        dac.safe(Wired(drive=("1",)))
    assert "1" in virtual.instruments["dac"].off


def test_a_delay_that_nobody_gave_is_not_zero(connect):
    daq, _ = connect("daq", (":TRIG:SOUR IMM", ":ROUT:CHAN:DEL {delay},(@{channels})"))
    with pytest.raises(InstrumentError, match=r"scpi\.scanner\.select: .*channel_delay_s"):
        daq.select(["101"], volts=10, nplc=1, high_z=True)


def test_resistors_may_be_told_one_by_one():
    assert each(":R{channel} {code}", lambda k: {"code": f"{int(k) + 5}"}, ("0", "1")) == (":R0 5;:R1 6", 2)
    assert each(":R {codes}", lambda _: {"codes": "5,6"}, ("0", "1")) == (":R 5,6", 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{volts},(@{channel})", "{voltage},(@{channel})", r"instrument\.dac\.scpi\.source\.set: .*no such field \{voltage\}"),
        ('":SOUR:VOLT {volts},', '":SOUR:VOLT 1,', r"instrument\.dac\.scpi\.source\.set: .*lacks \{volts\}"),
        ("{volts},(@{channel})", "{volts:.3f},(@{channel})", r"source\.set: .*without a format"),
        ("{volts},(@{channel})", "{volts},(@{channel.__class__})", r"source\.set: .*no such field"),
        ("{volts},(@{channel})", "{volts},(@{channel", r"source\.set: .*brace"),
        ("{volts},(@{channel})", r"{volts}\n(@{channel})", r"source\.set: .*one line of ASCII"),
        ('off_ask = ":OUTP? (@{channel})"', "", r"on, off and off_ask belong together"),
        ('[instrument.dac.scpi]\ntwin = "scpi_dac"', '[instrument.dac.scpi]\ntwin = "scpi_dca"', None),
        ('[instrument.daq]\ndriver = "scpi"', '[instrument.daq]\ndriver = "scpi_adc"', r"daq.*only driver = .scpi. is told"),
        ("[instrument.smu.scpi.meter]", "[instrument.smu.scpi.metre]", r"unknown key instrument\.smu\.scpi\.metre"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_sent_is_refused_before_anything_is_touched(tmp_path, old, new, said):
    path = written(tmp_path, (old, new))
    if said is None:
        with pytest.raises(StationError, match=r"instrument\.dac\.scpi\.twin: .*scpi_dca"):
            VirtualBench(NETWORK, load_station(path))
        return
    with pytest.raises(StationError, match=said):
        load_station(path)


def test_a_calibrated_copy_has_the_same_lines(tmp_path):
    station = load_station(STATION)
    copy = write_calibrated(station, tmp_path / "copy", {}, None, 0.0, datetime.date.today())
    assert copy.settings.instrument == station.settings.instrument


def test_a_role_that_the_table_does_not_give_is_missed(tmp_path):
    path = written(tmp_path, ('drive = "dac:1"', 'drive = "daq:1"'))
    with pytest.raises(StationError, match=r"input\.VS\.drive.*no Source"):
        load_station(path)


def test_without_messages_it_is_no_driver(tmp_path):
    path = written(tmp_path, ("[safe]\norder", '[instrument.more]\ndriver = "scpi"\n\n[safe]\norder'))
    with pytest.raises(StationError, match=r"instrument\.more\.driver: .*give it a table scpi"):
        load_station(path)
