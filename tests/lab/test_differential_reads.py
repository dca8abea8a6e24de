"""Channels that read one node against another, or behind an amplifier: what they say of nodes, and the limits of readings."""

import datetime
from types import SimpleNamespace

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed
from hypothesis import given
from hypothesis import strategies as st

from hwlearn import CoupledLearning, Drive, EquilibriumPropagation, ExactCircuit, Inject, train
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.inference.calibration import fit_devices
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.device_readings import read_devices
from hwlearn.lab.bench.reads import Reads
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.station import load_station
from hwlearn.lab.station.write import write_calibrated
from hwlearn.testing.nodal import modified_nodal

PAIRS = (
    ('t2 = { read = "daq:115" }', 't2 = { read = "daq:115", against = "t1" }'),
    ('n23 = { read = "daq:111" }', 'n23 = { read = "daq:111", against = "n22" }'),
    ('n22 = { read = "daq:110" }', 'n22 = { read = "daq:110", against = "n21" }'),
)
GAINS = (
    ("[node]", '[channel]\n"daq:115" = { gain = 8.0 }\n"daq:111" = { gain = -4.0 }\n"daq:101" = { gain = 0.25 }\n\n[node]'),
)
PERFECT = (("noise_v = 20e-6", "noise_v = 0"), ("pot_tolerance = 0.2", "pot_tolerance = 0"), ("dac_bits = 16", "dac_bits = 0"))
DRIVE = Drive([[1.0], [-0.7]], Inject([[1e-4], [-2e-4]]))


def written(folder, *changes):
    path = folder / "station.toml"
    path.write_text(changed(STATION, *changes), encoding="utf-8")
    return load_station(path)


def test_node_voltages_come_through_differences_and_gains(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *PERFECT, *PAIRS, *GAINS)) as circuit:
        measured = circuit.measure(DRIVE)
        true = modified_nodal(NETWORK, circuit.conductances, DRIVE)
        raw = circuit.connection.virtual.model.read(["daq:115", "daq:101"])
        nodes = circuit.measure(DRIVE).node_voltages  # A B B A: the first sample is what is driven now
    assert np.abs(measured.node_voltages - true.node_voltages).max() <= 3 * 0.51 * 5e-6 + 4 * 5e-6
    assert abs(raw[1]) < 0.3
    at = NETWORK.node_index
    assert 8 * (nodes[0, at["t2"]] - nodes[0, at["t1"]]) == pytest.approx(raw[0], abs=2e-3)


def test_a_pair_that_is_amplified_is_read_better_than_two_channels(tmp_path):
    spread = []
    for more in ((), (*PAIRS[:1], *GAINS)):
        with BenchCircuit(NETWORK, written(tmp_path, ("repeats = 8", "repeats = 2"), *more)) as circuit:
            outputs = np.array([circuit.measure(DRIVE).output_voltages[0, 0] for _ in range(30)])
        spread.append(outputs.std())
    assert spread[1] < 0.3 * spread[0]


@given(st.data())
def test_readings_of_any_tree_of_pairs_give_back_the_nodes(data):
    count = data.draw(st.integers(1, 8))
    against = [data.draw(st.sampled_from([None, *range(k)])) for k in range(count)]
    gains = data.draw(st.lists(st.sampled_from([1.0, 100.0, 0.1, -3.0]), min_size=count, max_size=count))
    places = [f"daq:{k}" for k in range(count)]
    volts = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=count, max_size=count)))
    readings = [g * (v - (0.0 if w is None else volts[w])) for g, v, w in zip(gains, volts, against, strict=True)]
    channels = {place: SimpleNamespace(gain=gain) for place, gain in zip(places, gains, strict=True)}
    reads = Reads(SimpleNamespace(settings=SimpleNamespace(channel=channels)), places, against)
    np.testing.assert_allclose(reads.voltages(np.array(readings)), volts, atol=1e-12)
    for signs in np.random.default_rng(0).choice([-1.0, 1.0], (20, count)):
        off = reads.voltages(np.array(readings) + signs) - volts
        assert (np.abs(off) <= reads.reach + 1e-12).all()


def test_limits_are_those_of_the_reading(tmp_path):
    loud = ("[node]", '[channel]\n"daq:101" = { gain = 30.0 }\n\n[node]')
    with BenchCircuit(NETWORK, written(tmp_path, loud)) as circuit, pytest.raises(InstrumentError, match=r"101 \(node s1\)"):
        circuit.measure(Drive([[1.0]]))  # 30 V at the scanner


def test_noise_is_refused_as_the_channel_reads_it(tmp_path):
    quiet = ("noise_max = 1e-4", "noise_max = 30e-6")
    with bench(tmp_path, virtual=(*PAIRS, *GAINS), station=(*PAIRS, *GAINS, quiet)) as circuit:
        found = {f.subject: f for f in self_test(circuit) if f.test == "noise"}
    assert all(f.passed for f in found.values())
    assert found["daq:115 (t2 against t1)"].value == pytest.approx(20e-6, rel=0.6)


def test_check_passes_and_calibration_finds_offsets_and_devices(tmp_path):
    virtual = (*PAIRS, *GAINS, ("lsb_v", "offset_v = 3e-4\nlsb_v"))
    with bench(tmp_path, virtual=virtual, station=(*PAIRS, *GAINS)) as circuit:
        failed = [f for f in self_test(circuit) if not f.passed]
        assert not failed
        model = circuit.made.model
        readings = read_devices(circuit)
        true = model.channels.offsets
        found = fit_devices(NETWORK, circuit.station, readings)
        for place, offset in readings.offsets.items():
            assert offset == pytest.approx(true[place], abs=5 * readings.offset_error + 5e-6)
        off = [
            np.abs(found.resistances[name] / model.pots.resistances(name) - 1)[1:].max()
            for name, seen in zip(NETWORK.edge_names, found.seen, strict=True)
            if seen
        ]
    assert max(off) < 5e-3
    assert 0.5 < found.chi_square < 1.6


@pytest.mark.parametrize("swapped", ["n22", "n31"])
def test_check_finds_a_channel_that_is_wired_to_another_node(tmp_path, swapped):
    with bench(tmp_path, virtual=(*PAIRS, *GAINS), station=(*PAIRS, *GAINS)) as circuit:
        wiring = circuit.made.model.wiring
        place = next(place for place, node in wiring.nodes.items() if node == swapped)
        wiring.nodes[place] = "n02"
        failed = [f for f in self_test(circuit) if not f.passed]
    assert any(f.test == "node" and swapped in f.subject for f in failed)


@pytest.mark.parametrize(
    ("rule", "rate"), [(EquilibriumPropagation(2e-4, symmetric=True), 2e-7), (CoupledLearning(1.0, symmetric=True), 2e-3)]
)
def test_its_direction_is_that_of_the_true_circuit(tmp_path, rule, rate):
    task = load_experiment(EXPERIMENT).task
    with BenchCircuit(NETWORK, written(tmp_path, *PAIRS, *GAINS)) as circuit:
        found = rule.direction(circuit, task)
        true = NETWORK.with_conductances(circuit.connection.virtual.model.conductances)
        result = train(circuit, task, rule, steps=10, learning_rate=rate)
    with ExactCircuit(true) as exact:
        wanted = rule.direction(exact, task)
    assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)
    assert result.losses[-1] < 0.95 * result.losses[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ((('t1 = { read = "daq:114" }', 't1 = { read = "daq:114", against = "t2" }'), PAIRS[0]), "t1 against t2 against t1"),
        ((('t1 = { read = "daq:114" }', 't1 = { read = "daq:114", against = "t1" }'),), "t1 against t1"),
        ((("[node]", '[channel]\n"daq:999" = { gain = 2.0 }\n\n[node]'),), "nothing is read by 'daq:999'"),
        ((("[node]", '[channel]\n"daq:101" = { gain = 0.0 }\n\n[node]'),), "a number other than zero"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, changes, says):
    with pytest.raises(StationError, match=says):
        written(tmp_path, *changes)


def test_a_node_that_is_not_there_is_refused(tmp_path):
    wrong = ('t1 = { read = "daq:114" }', 't1 = { read = "daq:114", against = "t3" }')
    with pytest.raises(StationError, match=r"node\.t1\.against = 't3': no such node is read"):
        written(tmp_path, wrong).validate(NETWORK)


def test_the_hash_of_a_wiring_without_these_is_what_it_was(tmp_path):
    before = "87065b8cbb51f20b612c1c1008a71b44879aebf660de79bcfcd636f7f82f66a0"  # of stations/allostery.toml at d036a97
    assert written(tmp_path).wiring_hash(NETWORK) == before
    assert written(tmp_path, PAIRS[0]).wiring_hash(NETWORK) != before
    assert written(tmp_path, *GAINS).wiring_hash(NETWORK) != before


def test_a_calibrated_copy_says_all_that_its_station_does(tmp_path):
    more = (
        ('[input.VS]\ndrive = "dac:1"', '[input.VS]\ndrive = "dac:1"\nshunt = { read = "daq:120", ohm = 10 }'),
        ("[virtual]", '[temperature]\nboard = { read = "daq:121", volts_per_degree = 0.01, zero_v = 0.5 }\n\n[virtual]'),
        ('n12 = { read = "daq:106" }', 'n12 = { read = "estimate" }'),
    )
    station = written(tmp_path, *PAIRS, *GAINS, *more)
    copy = write_calibrated(station, tmp_path / "copy", {}, {"daq:101": 1e-3, "daq:120": 2e-4}, 0.0, datetime.date.today())
    for table in ("node", "channel", "input", "temperature"):
        assert getattr(copy.settings, table) == getattr(station.settings, table)
    assert copy.offsets == {"daq:101": 1e-3, "daq:120": 2e-4}
    copy.validate(NETWORK)
