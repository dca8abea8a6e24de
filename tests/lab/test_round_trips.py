"""How many round trips a phase takes, and that those which are saved change nothing that is read."""

import numpy as np
import pytest
from benches import NETWORK, STATION, changed

from hwlearn import Drive, Hold, Inject
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.testing.nodal import modified_nodal

QUIET = (("noise_v = 20e-6", "noise_v = 0"), ("pot_tolerance = 0.2", "pot_tolerance = 0"), ("dac_bits = 16", "dac_bits = 0"))
TWO = (
    ('[output."t1,t2"]\nnudge = "smu:1"', '[output]\nt1 = { nudge = "smu:1" }\nt2 = { nudge = "smu2:1" }'),
    ("[instrument.pots]", '[instrument.smu2]\ndriver = "METER"\n\n[instrument.pots]'),
    ('order = ["smu", ', 'order = ["smu", "smu2", '),
)


def written(folder, *changes):
    path = folder / "station.toml"
    path.write_text(changed(STATION, *changes), encoding="utf-8")
    return load_station(path)


def trips(circuit):
    return {name: made.session.round_trips for name, made in circuit.connection.instruments.items()}


def made(circuit, drive):
    """Round trips of a phase, by instrument."""
    before = trips(circuit)
    circuit.measure(drive)
    return {name: count - before[name] for name, count in trips(circuit).items()}


@pytest.mark.parametrize("outputs", [Inject([[1e-4], [-1e-4]]), Hold([[0.1], [0.12]])], ids=["inject", "hold"])
def test_a_nudged_phase_takes_one_scan_and_one_message_to_the_meter_a_visit(tmp_path, outputs):
    both = Drive([[1.0], [1.0]], outputs)
    with BenchCircuit(NETWORK, written(tmp_path)) as circuit:
        circuit.measure(Drive([[1.0]]))
        circuit.measure(both)
        again = Drive([[0.5], [0.5]], outputs)
        circuit.measure(Drive([[0.5]]))
        found = made(circuit, again)
    visits = 9  # A BB AA BB AA BB AA BB A
    # and the phase before driven once more: a level, a scan
    assert found == {"daq": visits + 1, "dac": 1, "smu": visits + 1 + 1, "pots": 1}


def test_samples_with_inputs_of_their_own_are_each_driven(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path)) as circuit:
        circuit.measure(Drive([[1.0]]))
        found = made(circuit, Drive([[1.0], [-0.4], [0.2]]))
    assert found["dac"] == 9 + 1  # 9 visits of the pair, one of the third, whose inputs differ
    assert found["daq"] == 10


@pytest.mark.parametrize("meter", ["keithley_2450", "keithley_2400", "keysight_b2900"])
@pytest.mark.parametrize("kind", ["inject", "hold"])
def test_two_meters_measure_before_either_goes_on(tmp_path, meter, kind):
    network = NETWORK.with_ports(outputs=["t1", "t2"])
    two = [(old, new.replace("METER", meter)) for old, new in TWO]
    outputs = Inject([[1e-4, -5e-5], [-1e-4, 2e-5]]) if kind == "inject" else Hold([[0.6, 0.4], [0.3, 0.35]])
    drive = Drive([[1.0], [-0.7]], outputs)
    with BenchCircuit(network, written(tmp_path, *QUIET, *two)) as circuit:
        for _ in range(2):
            measured = circuit.measure(drive)
        true = modified_nodal(network, circuit.conductances, drive)
    assert np.abs(measured.node_voltages - true.node_voltages).max() < 5e-6
    assert np.abs(measured.output_currents - true.output_currents).max() < 1e-9


@pytest.mark.parametrize("kind", ["drop", "mute", "garbage"])
def test_a_connection_that_fails_at_a_step_ends_in_the_same_readings(tmp_path, kind):
    drive = Drive([[1.0], [1.0]], Inject([[1e-4], [-1e-4]]))
    quick = (("[defaults]", "[defaults]\ntimeout_s = 0.3"), ("nplc = 1", "nplc = 0.02"))
    with BenchCircuit(NETWORK, written(tmp_path, *QUIET, *quick)) as circuit:
        wanted = circuit.measure(drive)
        session, virtual = circuit.connection.instruments["smu"].session, circuit.connection.virtual
        read, seen = session.read, [0]

        def faulty(message, *rest, **options):
            if ":READ?" in message and ":SOUR:CURR -" in message:
                seen[0] += 1
                if seen[0] == 2:
                    virtual.fault("smu", kind)
            return read(message, *rest, **options)

        session.read = faulty
        found = circuit.measure(drive)
        assert seen[0] > 2
        assert session.recoveries == 1
    np.testing.assert_allclose(found.node_voltages, wanted.node_voltages, atol=6e-6)
    np.testing.assert_allclose(found.output_currents, wanted.output_currents, atol=1e-9)


def test_a_source_that_forgot_its_level_gets_it_again_with_the_next_phase(tmp_path):
    drive = Drive([[1.0]])
    with BenchCircuit(NETWORK, written(tmp_path, *QUIET)) as circuit:
        wanted = circuit.measure(drive)
        circuit.connection.virtual.instruments["dac"].set_volts("1", 0.0)
        found = circuit.measure(drive)
    np.testing.assert_allclose(found.node_voltages, wanted.node_voltages, atol=6e-6)
