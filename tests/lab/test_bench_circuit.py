"""`BenchCircuit` over real sockets against the virtual bench, whose answers are checked by a dense solve."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive, Hold, Inject, Open
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.rules import runnable_rules
from hwlearn.lab.station import load_station
from hwlearn.learning.rules import RULES
from hwlearn.testing.nodal import modified_nodal

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "netlists" / "allostery-bench.toml"
STATION = ROOT / "stations" / "allostery.toml"


@pytest.fixture(scope="module")
def network():
    return load_experiment(EXPERIMENT).network


@pytest.fixture
def station(tmp_path):
    """The station file with some lines replaced."""

    def make(*changes, base=STATION):
        text = base.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        tomllib.loads(text)
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        return load_station(path)

    return make


PERFECT = [("noise_v = 20e-6", "noise_v = 0"), ("pot_tolerance = 0.2", "pot_tolerance = 0"), ("dac_bits = 16", "dac_bits = 0")]
QUICK = [("[defaults]", "[defaults]\ntimeout_s = 0.3"), ("nplc = 1", "nplc = 0.02")]


@pytest.fixture
def quick_relays(monkeypatch):
    """A scan without an answer is given up soon."""
    monkeypatch.setattr("hwlearn.lab.instruments.scpi.scanner.RELAY_SECONDS", 1e-3)


PHASES = [Open(), Inject([[1e-4], [-2e-4]]), Hold([[0.2], [0.1]])]


@pytest.mark.parametrize("outputs", PHASES, ids=["open", "inject", "hold"])
def test_without_imperfections_it_agrees_to_the_lsb(network, station, outputs):
    drive = Drive([[1.0], [-0.7]], outputs)
    with BenchCircuit(network, station(*PERFECT)) as circuit:
        measured = circuit.measure(drive)
        true = modified_nodal(network, circuit.conductances, drive)
    lsb = 5e-6
    assert np.abs(measured.node_voltages - true.node_voltages).max() <= 0.51 * lsb
    assert np.abs(measured.output_currents - true.output_currents).max() <= 1e-12
    assert np.abs(measured.input_currents - true.input_currents).max() <= lsb * circuit.conductances.sum()


def test_with_imperfections_it_measures_the_true_devices_not_the_nominal_ones(network, station):
    drive = Drive([[1.0]], Inject([[1e-4]]))
    with BenchCircuit(network, station()) as circuit:
        measured = circuit.measure(drive)
        device = circuit.connection.virtual.model.conductances
    assert np.abs(device / circuit.conductances - 1).max() > 0.1
    assert np.abs(measured.node_voltages - modified_nodal(network, device, drive).node_voltages).max() < 3e-4
    assert np.abs(measured.node_voltages - modified_nodal(network, circuit.conductances, drive).node_voltages).max() > 1e-3


def test_the_noise_is_measured_from_the_repeats(network, station):
    with BenchCircuit(network, station(("repeats = 8", "repeats = 40"))) as circuit:
        measured = circuit.measure(Drive([[1.0]]))
    assert measured.noise == pytest.approx(20e-6 / 40**0.5, rel=0.2)


def test_connecting_changes_no_output(network, station):
    with BenchCircuit(network, station()) as circuit:
        heard = {name: made.lines for name, made in circuit.connection.virtual.instruments.items()}
        commands = [command.partition(" ")[0] for lines in heard.values() for line in lines for command in line.split(";")]
        assert all(command.endswith("?") for command in commands)
        assert {"*IDN?", ":SYST:ERR?", "*LANG?", ":OUTP?", ":SOUR:VOLT?"} <= set(commands)


def test_program_returns_the_nearest_of_the_code_table(network, station):
    with BenchCircuit(network, station(('rounding = "stochastic"', 'rounding = "nearest"'))) as circuit:
        wanted = np.geomspace(1.2e-4, 8e-4, len(network.edges))
        realised = circuit.program(wanted)
        resistances = 1000 + 70 + 10e3 * np.arange(1, 256) / 255
        nearest = [min(1 / resistances, key=lambda g, w=w: abs(g - w)) for w in wanted]
        np.testing.assert_allclose(realised, nearest, rtol=1e-12)
        circuit.program(realised)
        assert set(circuit.writes) == {1}


def test_it_is_left_safe_in_the_stated_order(network, station):
    order = []
    circuit = BenchCircuit(network, station())
    circuit.measure(Drive([[1.0]], Inject([[1e-4]])))
    virtual = circuit.connection.virtual
    for name, made in virtual.instruments.items():
        made.received = lambda name=name, before=made.received: (order.append(name), before())[1]
    circuit.close()
    assert list(dict.fromkeys(order)) == ["smu", "dac", "pots"]
    assert virtual.instruments["pots"].opened
    assert virtual.instruments["dac"].volts == {"1": 0.0}
    assert not virtual.instruments["smu"].channels["1"].on


@pytest.mark.usefixtures("quick_relays")
@pytest.mark.parametrize("kind", ["mute", "late", "garbage", "half", "drop"])
@pytest.mark.parametrize("instrument", ["daq", "dac", "smu", "pots"])
def test_a_fault_is_recovered_with_the_right_reading(network, station, instrument, kind):
    drive = Drive([[1.0]], Inject([[1e-4]]))
    with BenchCircuit(network, station(*PERFECT, *QUICK)) as circuit:
        expected = circuit.measure(drive)
        circuit.connection.virtual.instruments[instrument].faults.late = 2.0  # after the time-out
        circuit.connection.virtual.fault(instrument, kind)
        again = circuit.measure(drive)
        assert circuit.connection.instruments[instrument].session.recoveries == 1
    np.testing.assert_array_equal(again.node_voltages, expected.node_voltages)
    np.testing.assert_array_equal(again.output_currents, expected.output_currents)


@pytest.mark.usefixtures("quick_relays")
@pytest.mark.parametrize(("instrument", "kind"), [("daq", "mute"), ("dac", "drop"), ("daq", "over"), ("pots", "garbage")])
def test_a_fault_that_stays_ends_in_a_named_error_with_the_others_safe(network, station, instrument, kind):
    circuit = BenchCircuit(network, station(*QUICK))
    circuit.measure(Drive([[1.0]], Inject([[1e-4]])))
    virtual = circuit.connection.virtual
    virtual.fault(instrument, kind, 1000)
    with pytest.raises(InstrumentError, match=instrument):
        circuit.measure(Drive([[1.0]]))
    assert not virtual.instruments["smu"].channels["1"].on
    if instrument != "pots":
        assert virtual.instruments["pots"].opened
    with pytest.raises(Exception, match="closed"):
        circuit.measure(Drive([[1.0]]))


def test_an_opened_box_is_noticed(network, station):
    with BenchCircuit(network, station()) as circuit:
        circuit.measure(Drive([[1.0]]))
        circuit.connection.virtual.instruments["pots"].open()
        with pytest.raises(InstrumentError, match="open"):
            circuit.measure(Drive([[1.0]]))


def test_codes_that_another_program_changed_are_noticed(network, station):
    with BenchCircuit(network, station()) as circuit:
        circuit.measure(Drive([[1.0]]))
        circuit.connection.virtual.instruments["pots"].codes[3] += 1
        with pytest.raises(InstrumentError, match="R4"):
            circuit.measure(Drive([[1.0]]))


def test_a_nudge_in_compliance_is_refused(network, station):
    with (
        BenchCircuit(network, station(("v_compliance = 2.0", "v_compliance = 0.05"))) as circuit,
        pytest.raises(InstrumentError, match="compliance"),
    ):
        circuit.measure(Drive([[1.0]], Inject([[9e-4]])))


def test_limits_are_refused_before_anything_is_sent(network, station):
    with BenchCircuit(network, station()) as circuit:
        for drive, key in (
            (Drive([[2.0]]), "v_node_max"),
            (Drive([[1.0]], Inject([[2e-3]])), "i_nudge_max"),
            (Drive([[1.0]], Hold([[2.5]])), "v_compliance"),
        ):
            with pytest.raises(StationError, match=key):
                circuit.measure(drive)
        dac = ["*IDN?", ":SYST:ERR?", ":SOUR:VOLT? (@1);:SYST:ERR?"]  # what connecting asks
        assert circuit.connection.virtual.instruments["dac"].lines == dac


def test_another_instrument_is_refused(network, station):
    made = station(('driver = "keysight_daq970a"', 'driver = "keysight_daq970a"\nidn = "34970A"'))
    with pytest.raises(InstrumentError, match=r"daq.*34970A"):
        BenchCircuit(network, made)


@pytest.fixture
def series_bench(network, station):
    """The bench with one grounded output that is nudged by the second DAC channel through 10 kΩ."""
    grounded = network.with_ports(outputs=["t1"])
    nudge = '[output."t1"]\nnudge = { drive = "dac:2", read = "daq:130", series_ohm = 1e4, tolerance_v = 2e-5 }'
    made = station(*PERFECT, ('[output."t1,t2"]\nnudge = "smu:1"', nudge))
    with BenchCircuit(grounded, made) as circuit:
        yield circuit


@pytest.mark.parametrize("outputs", [Open(), Inject([[5e-5], [-3e-5], [0.0]])], ids=["open", "inject"])
def test_a_voltage_behind_a_resistor_injects_the_current_that_is_measured(series_bench, outputs):
    drive = Drive([[1.0], [-0.7], [0.4]], outputs)
    measured = series_bench.measure(drive)
    true = modified_nodal(series_bench.network, series_bench.conductances, drive)
    assert np.abs(measured.node_voltages - true.node_voltages).max() < 5e-5
    assert np.abs(measured.output_currents - true.output_currents).max() <= 2.5e-5 / 1e4
    assert runnable_rules(series_bench.station, series_bench.network) == list(RULES)


def test_a_voltage_behind_a_resistor_holds_and_measures_what_flows(series_bench):
    drive = Drive([[1.0], [-0.7]], Hold([[0.45], [-0.35]]))
    measured = series_bench.measure(drive)
    held = Drive(drive.inputs, Hold(measured.output_voltages))
    true = modified_nodal(series_bench.network, series_bench.conductances, held)
    assert np.abs(measured.output_voltages - drive.outputs.voltage).max() < 5e-5
    assert np.abs(measured.output_currents).min() > 5e-6
    assert np.abs(measured.output_currents - true.output_currents).max() <= 2.5e-5 / 1e4
    assert np.abs(measured.node_voltages - true.node_voltages).max() < 5e-5


def test_a_current_that_the_voltage_cannot_make_is_refused(series_bench):
    with pytest.raises(InstrumentError, match="v_compliance"):
        series_bench.measure(Drive([[1.0]], Inject([[9e-4]])))


def test_an_instrument_is_told_its_own_nplc_and_range(network, station):
    own = (
        ('driver = "keysight_daq970a"', 'driver = "keysight_daq970a"\nnplc = 0.2\nrange_v = 1'),
        ("[instrument.smu]", "[instrument.smu]\nnplc = 3\ntimeout_s = 9"),
    )
    with BenchCircuit(network, station(*own)) as circuit:
        circuit.measure(Drive([[0.5]]))
        heard = {name: ";".join(made.lines) for name, made in circuit.connection.virtual.instruments.items()}
        timeouts = {name: made.session.timeout for name, made in circuit.connection.instruments.items()}
    assert timeouts == {"daq": 2.0, "dac": 2.0, "smu": 9.0, "pots": 2.0}
    assert ":CONF:VOLT:DC 1,DEF," in heard["daq"]
    assert ":VOLT:DC:NPLC 0.2,(" in heard["daq"]
    assert ":SENS:VOLT:NPLC 3;" in heard["smu"]
