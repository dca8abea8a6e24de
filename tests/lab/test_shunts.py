"""Currents through shunts: of inputs, and of outputs that a voltage behind a resistor holds."""

from dataclasses import replace

import numpy as np
import pytest
from benches import EXPERIMENT, NETWORK, STATION, bench, changed

from hwlearn import AdjointCoupledLearning, CoupledLearning, Drive, ExactCircuit, Inject, Task
from hwlearn.errors import InstrumentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.inference.calibration import fit_devices
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.device_readings import read_devices
from hwlearn.lab.bench.phase import Asked
from hwlearn.lab.bench.selftest import self_test
from hwlearn.lab.station import load_station
from hwlearn.lab.station.leads import leads
from hwlearn.testing.nodal import modified_nodal

OHM = 47.0
SHUNT = ('[input.VS]\ndrive = "dac:1"', f'[input.VS]\ndrive = "dac:1"\nshunt = {{ read = "daq:120", ohm = {OHM} }}')
QUIET = (("noise_v = 20e-6", "noise_v = 0"), ("dac_bits = 16", "dac_bits = 0"))
DRIVE = Drive([[1.0], [-0.7]], Inject([[1e-4], [-2e-4]]))


def written(folder, *changes):
    path = folder / "station.toml"
    path.write_text(changed(STATION, *changes), encoding="utf-8")
    return load_station(path)


def true_network(circuit):
    """With the devices that the virtual bench truly has; its shunt is the last edge."""
    return NETWORK.with_conductances(circuit.connection.virtual.model.conductances[: len(NETWORK.edges)])


def test_an_input_gives_what_its_shunt_says_whatever_the_code_tables_say(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *QUIET, SHUNT)) as circuit:
        measured = circuit.measure(DRIVE)
        network = true_network(circuit)
        by_tables = circuit.by_kirchhoff(circuit._phase(Asked(DRIVE.inputs, DRIVE.outputs, DRIVE.outputs.current)))
    inputs = measured.node_voltages @ NETWORK.source_incidence.toarray()[:1].T
    true = modified_nodal(network, network.conductances, Drive(inputs, DRIVE.outputs))
    assert np.abs(measured.input_currents - true.input_currents).max() < 2 * 5e-6 / OHM
    assert np.abs(by_tables - true.input_currents).max() > 20 * 5e-6 / OHM
    np.testing.assert_allclose(inputs + OHM * measured.input_currents, DRIVE.inputs, atol=2e-5)


def test_a_source_meter_that_drives_says_what_it_gives(tmp_path):
    metered = (
        ('drive = "dac:1"', 'drive = "smu2:1"'),
        ("[instrument.dac]", '[instrument.smu2]\ndriver = "keithley_2450"\n[instrument.dac]'),
    )
    order = ('order = ["smu", "dac", "pots"]', 'order = ["smu", "smu2", "dac", "pots"]')
    with BenchCircuit(NETWORK, written(tmp_path, *QUIET, *metered, order)) as circuit:
        measured = circuit.measure(DRIVE)
        network = true_network(circuit)
    true = modified_nodal(network, network.conductances, DRIVE)
    np.testing.assert_allclose(measured.input_currents, true.input_currents, rtol=1e-4)


@pytest.mark.parametrize(
    ("ohm", "says"), [(-OHM, "exchange its leads"), (10 * OHM, "its ohm right"), (OHM / 10, "its ohm right")]
)
def test_a_shunt_that_is_wired_wrong_is_refused(tmp_path, ohm, says):
    with BenchCircuit(NETWORK, written(tmp_path, *QUIET, SHUNT)) as circuit:
        wiring = circuit.connection.virtual.model.wiring
        wiring.gains["daq:120"] = ohm / OHM  # what the channel shows of the drop
        with pytest.raises(InstrumentError, match=says) as refused:
            circuit.measure(DRIVE)
    assert "channel 120 (shunt of input VS)" in str(refused.value)


def test_check_passes_with_a_shunt_and_calibration_measures_its_channel(tmp_path):
    with bench(tmp_path, virtual=(SHUNT, ("lsb_v", "offset_v = 3e-4\nlsb_v")), station=(SHUNT,)) as circuit:
        assert not [f for f in self_test(circuit) if not f.passed]
        readings = read_devices(circuit)
        true = circuit.made.model.channels.offsets
        found = fit_devices(NETWORK, circuit.station, readings)
    assert readings.offsets["daq:120"] == pytest.approx(true["daq:120"], abs=5 * readings.offset_error + 5e-6)
    assert 0.5 < found.chi_square < 1.6


def test_a_shunt_is_in_the_wiring_list(tmp_path):
    rows = {(lead.channel, lead.ohm, lead.node) for lead in leads(NETWORK, written(tmp_path, SHUNT))}
    plus = NETWORK.inputs[0].plus
    assert {("dac:1", OHM, plus), ("daq:120", 0.0, "dac:1, before its resistor"), ("daq:120, return", 0.0, plus)} <= rows


@pytest.mark.parametrize("rule", [CoupledLearning(0.5), AdjointCoupledLearning(1e3)], ids=["cl", "al"])
def test_rules_that_hold_outputs_run_without_a_source_meter(tmp_path, rule):
    network = NETWORK.with_ports(outputs=["t1", "t2"])
    held = (
        '[output."t1,t2"]\nnudge = "smu:1"',
        "".join(
            f'[output.{name}]\nnudge = {{ drive = "dac:{k}", read = "daq:13{k}", series_ohm = 2000, tolerance_v = 2e-5 }}\n'
            for k, name in enumerate(("t1", "t2"), 2)
        ),
    )
    task = load_experiment(EXPERIMENT).task
    task = Task(task.inputs, [[0.6, 0.4]])
    with BenchCircuit(network, written(tmp_path, *QUIET, held)) as circuit:
        found = rule.direction(circuit, task)
        with ExactCircuit(network.with_conductances(true_network(circuit).conductances)) as exact:
            wanted = rule.direction(exact, task)
    assert np.linalg.norm(found - wanted) < 0.03 * np.linalg.norm(wanted)


def test_a_shunt_of_a_current_source_is_refused(tmp_path):
    station = written(tmp_path, SHUNT)
    fed = NETWORK.with_ports(inputs=[replace(NETWORK.inputs[0], kind="current")])
    with pytest.raises(StationError, match=r"input\.VS"):
        station.validate(fed)
