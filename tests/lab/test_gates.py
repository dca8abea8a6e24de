"""Transistors on a bench: gate voltages, a channel each, are what learns."""

import numpy as np
import pytest
from processes import ROOT
from typer.testing import CliRunner

from hwlearn import CoupledLearning, Drive, EquilibriumPropagation, Inject, NewtonCircuit, NgspiceCircuit, train
from hwlearn.cli import app
from hwlearn.errors import StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.station import load_station
from hwlearn.lab.station.leads import leads

EXPERIMENT = load_experiment(ROOT / "netlists" / "gates.toml")
NETWORK, TASK = EXPERIMENT.network, EXPERIMENT.task
TEXT = (ROOT / "stations" / "gates.toml").read_text(encoding="utf-8")
IDEAL = (("noise_v = 2e-6", "noise_v = 0"), ("pot_tolerance = 0.1", "pot_tolerance = 0"), ("dac_bits = 18", "dac_bits = 0"))
STEEP, THRESHOLD = 0.85e-3, 0.7
DRIVE = Drive([[0.4351], [0.0181]], Inject([[1e-5], [-2e-5]]))


def written(folder, *changes):
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return load_station(path)


def gates_of(circuit):
    dac = circuit.connection.virtual.instruments["dac"]
    return [dac.volts["4"], dac.volts["5"]]


def test_a_conductance_is_a_gate_voltage_and_what_is_read_is_what_ngspice_says(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *IDEAL)) as circuit:
        realised = circuit.program([1 / 500, STEEP * (2.5 - THRESHOLD), STEEP * (3.5 - THRESHOLD)])
        assert gates_of(circuit) == pytest.approx([2.5, 3.5])
        measured = circuit.measure(DRIVE)
    with NgspiceCircuit(NETWORK.with_conductances(realised)) as spice:
        true = spice.measure(DRIVE)
    np.testing.assert_allclose(measured.node_voltages, true.node_voltages, atol=2e-6)
    np.testing.assert_allclose(measured.input_currents, true.input_currents, atol=1e-8)


def test_the_bounds_are_those_of_gate_and_circuit(tmp_path):
    with BenchCircuit(NETWORK, written(tmp_path, *IDEAL, ('"dac:5", v_max = 5.03', '"dac:5", v_max = 4.0'))) as circuit:
        lower, upper = circuit.bounds
        np.testing.assert_allclose(lower[1:], STEEP * (1.0 - THRESHOLD))
        np.testing.assert_allclose(upper[1:], [STEEP * (5.03 - THRESHOLD), STEEP * (4.0 - THRESHOLD)])
        circuit.program([1 / 500, 1.0, 1.0])
        assert gates_of(circuit) == pytest.approx([5.03, 4.0])


def test_a_coarse_source_realises_what_it_says(tmp_path):
    coarse = (("dac_bits = 18", "dac_bits = 8"), ("pot_tolerance = 0.1", "pot_tolerance = 0"))
    with BenchCircuit(NETWORK, written(tmp_path, *coarse)) as circuit:
        realised = circuit.program([1 / 500, STEEP * 1.83, STEEP * 2.8])
        np.testing.assert_allclose(realised[1:], STEEP * (np.array(gates_of(circuit)) - THRESHOLD))
        assert abs(realised[1] / (STEEP * 1.83) - 1) > 1e-3


@pytest.mark.parametrize("rule", ["ep", "cl"])
def test_it_learns_by_its_gates_although_transistors_are_not_as_the_netlist_says(tmp_path, rule):
    options = {"parameter": "gate-voltage", "steps": 60}
    rule, rate = {"ep": (EquilibriumPropagation(1e-3, symmetric=True), 200), "cl": (CoupledLearning(0.5), 5000)}[rule]
    with BenchCircuit(NETWORK, written(tmp_path)) as circuit:
        result = train(circuit, TASK, rule, learning_rate=rate, **options)
        answers = circuit.measure(Drive(TASK.inputs)).output_voltages
        moved = gates_of(circuit)
    assert result.losses[-1] < 0.02 * result.losses[0]
    assert np.abs(answers - TASK.targets).max() < 0.2 * np.sqrt(2 * result.losses[0])
    assert np.abs(np.array(moved) - [1.2, 4.0]).max() > 0.1


def test_the_direction_is_that_of_the_true_transistors(tmp_path):
    rule = EquilibriumPropagation(1e-3, symmetric=True)
    with BenchCircuit(NETWORK, written(tmp_path)) as circuit:
        found = rule.direction(circuit, TASK)
        true = NETWORK.with_conductances(circuit.connection.virtual.model.conductances)
    with NewtonCircuit(true) as newton:
        wanted = rule.direction(newton, TASK)
    assert np.linalg.norm((found - wanted)[1:]) < 0.03 * np.linalg.norm(wanted[1:])


def test_a_measured_curve_takes_the_place_of_the_law(tmp_path):
    volts = np.linspace(0.8, 5.1, 60)
    siemens = 0.9 * STEEP * (volts - 0.6)  # another transistor
    rows = "\n".join(f"{v:.6f},{g:.8e}" for v, g in zip(volts, siemens, strict=True))
    (tmp_path / "m.csv").write_text(f"volt,siemens\n{rows}\n", encoding="utf-8")
    measured = ('"dac:4", v_max = 5.03', '"dac:4", v_max = 5.03, file = "m.csv"')
    with BenchCircuit(NETWORK, written(tmp_path, *IDEAL, measured)) as circuit:
        circuit.program([1 / 500, 0.9 * STEEP * (2.5 - 0.6), STEEP * 2.8])
        assert gates_of(circuit) == pytest.approx([2.5, 3.5], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,1e-4\n2,1e-4", "m.csv:3: voltage and conductance must rise"),
        ("1,0\n2,1e-4", "m.csv:2: voltage and conductance must rise"),
        ("1,1e-4", "one point is no curve"),
        ("1,x\n2,3", "m.csv:2: '1,x' is no voltage and conductance"),
    ],
)
def test_a_curve_that_is_none_is_refused(tmp_path, rows, says):
    (tmp_path / "m.csv").write_text(f"volt,siemens\n{rows}\n", encoding="utf-8")
    with pytest.raises(StationError, match=says):
        written(tmp_path, ('"dac:4", v_max = 5.03', '"dac:4", v_max = 5.03, file = "m.csv"'))


def test_it_is_left_with_its_gates_at_zero(tmp_path):
    circuit = BenchCircuit(NETWORK, written(tmp_path))
    circuit.measure(DRIVE)
    assert min(gates_of(circuit)) > 1
    dac = circuit.connection.virtual.instruments["dac"]
    circuit.close()
    assert [dac.volts[channel] for channel in "12345"] == [0.0] * 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('MPLUS = { gate = { drive = "dac:5", v_max = 5.03 } }', "MPLUS = { fixed_ohm = 500 }"), "MPLUS.*transistor there"),
        (("RU = { fixed_ohm = 500 }", 'RU = { gate = { drive = "dac:7", v_max = 5 } }'), "a resistor there"),
        (('"dac:5", v_max = 5.03', '"dac:5", v_max = 0.5'), "does not conduct"),
        (("p_edge_max = 0.02", "p_edge_max = 0.001"), "v_max of a gate"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(tmp_path, change, says):
    with pytest.raises(StationError, match=says):
        written(tmp_path, change).validate(NETWORK)


def test_a_gate_wants_a_source(tmp_path):
    with pytest.raises(StationError, match=r"edge\.MPLUS\.gate\.drive.*no Source"):
        written(tmp_path, ('drive = "dac:5"', 'drive = "daq:5"'))


def test_check_show_and_the_wiring_list_know_gates(tmp_path):
    station = written(tmp_path)
    assert ("dac:4", "", 0.0, "gate of MMINUS") in leads(NETWORK, station)
    for command in ("show", "check"):
        result = CliRunner().invoke(app, ["bench", command, str(station.path), str(ROOT / "netlists" / "gates.toml")])
        assert result.exit_code == 0, result.output
        if command == "show":
            assert "dac:4 at its gate" in result.output
    picture = tmp_path / "bench.png"
    shown = ["bench", "show", str(station.path), str(ROOT / "netlists" / "gates.toml"), "--out", str(picture)]
    assert CliRunner().invoke(app, shown).exit_code == 0
    assert picture.stat().st_size > 1000
