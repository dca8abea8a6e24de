"""Transistors in netlists: which MOS cards are edges with a gate to learn, the example, and what a user meets with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from measured_bias import GatePair
from typer.testing import CliRunner

from hwlearn import Drive, Network, NewtonCircuit, NgspiceCircuit, Run
from hwlearn.cli import app
from hwlearn.errors import HwlearnWarning, ModelError, NetlistError, NetworkError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.spice.session import session

EXPERIMENT = Path(__file__).parents[2] / "netlists" / "gates.toml"

NETLIST = """* one transistor
VA a 0 1
.model n1 nmos(level=1 kp=1m vto=0.5 is=1e-15)
RA a m 1k
M1 m g 0 0 n1 w=20u l=10u
VG g 0 2
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(text: str = NETLIST, **options) -> Network:
    Path("n.cir").write_text(text)
    return Network.from_netlist("n.cir", **{"inputs": ["VA"], "outputs": ["m"], "trainable": ["M*"], **options})


# Reading and writing


def test_a_transistor_is_an_edge_and_its_gate_a_parameter():
    network = read()
    (transistor,) = network.devices
    assert (transistor.edge, transistor.gate, transistor.bulk) == ("M1", "VG", "0")
    assert (transistor.threshold, transistor.saturation) == (0.5, 1e-15)
    assert transistor.transconductance == pytest.approx(2e-3)  # KP W/L
    assert network.edge_names == ("RA", "M1")
    assert network.conductances == pytest.approx([1e-3, 3e-3])
    assert network.trainable.tolist() == [False, True]
    assert network.gate_voltages == pytest.approx({"M1": 2.0})
    assert (network.elements, network.fixed_sources) == ((), ())
    assert "g" not in network.nodes


def test_without_patterns_the_resistors_are_trained():
    assert read(trainable=None).trainable.tolist() == [True, False]


def test_bounds_of_gates_are_volts():
    network = read(gate_bounds=(1.0, 5.0), bounds=(1e-5, 1e-1))
    assert network.lower == pytest.approx([1e-5, 1e-3])
    assert network.upper == pytest.approx([1e-1, 9e-3])
    with pytest.raises(NetworkError, match=r"gate bound 0.5 V: M1 is off up to 0.5 V"):
        read(gate_bounds=(0.5, 5.0))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("VG g 0 2", "VG g 0 0.4", "its gate must start above its threshold of 0.5 V"),
        ("VG g 0 2", "VG g a 2", "its gate g needs a DC voltage source to ground"),
        ("VG g 0 2", "VG g 0 2\nR2 g 0 1k", "its gate g needs"),
        ("VG g 0 2", "VG g 0 2\nM2 m g 0 0 n1", "its gate g needs"),
        ("VG g 0 2", "VG g 0 2\nB2 m 0 i=1u*v(g)", "its gate g needs"),
        ("VG g 0 2", "RG g a 1k", "its gate g needs"),
        ("level=1", "level=2", "its level is '2'"),
        ("vto=0.5", "vto=0.5 lambda=0.02", "it has lambda; only KP, VTO, IS, W and L are understood"),
        ("w=20u", "ad=1p w=20u", "it has ad;"),
        ("nmos(", "pmos(", "it needs a model of type NMOS"),
        ("VA a 0 1", "VA a 0 1\n.options temp=50", "its law is known at 27 °C"),
    ],
)
def test_other_transistors_are_elements_and_why(old, new, reason):
    text = NETLIST.replace(old, new)
    with pytest.raises(NetlistError, match=rf"n.cir:\d+: M1 cannot be trained: .*{reason}"):
        read(text)
    network = read(text, trainable=["RA"])
    assert any(element.name == "M1" for element in network.elements)
    with NgspiceCircuit(network) as circuit:
        expected = circuit.measure(Drive([[1.0]])).output_voltages
    if "level=2" in new:
        with pytest.raises(ModelError, match=r"n.cir:\d+: m1 m g 0 0 n1 .*its level is 2; only level 1"):
            NewtonCircuit(network)
    else:
        with NewtonCircuit(network) as circuit:
            np.testing.assert_allclose(circuit.measure(Drive([[1.0]])).output_voltages, expected, rtol=1e-9)


def test_a_gate_whose_source_is_an_input_is_no_parameter():
    network = read(inputs=["VA", "VG"], trainable=["RA"])
    assert network.input_names == ("VA", "VG")
    assert not network.devices


def test_a_written_netlist_reads_back():
    network = read(NETLIST + "D1 m 0 d1\n.model d1 d(is=1e-12)\n")
    changed = network.with_conductances([2e-3, 5e-3])
    again = read(changed.to_netlist())
    assert again.devices == network.devices
    np.testing.assert_allclose(again.conductances, changed.conductances, rtol=1e-15)
    assert [element.card for element in again.elements] == ["d1 m 0 d1"]


def test_ngspices_own_transistor_agrees():
    """The operating point of the written netlist, whose MOS cards ngspice's own model simulates."""
    network = load_experiment(EXPERIMENT).network
    deck = network.to_netlist().replace(".op\n", ".options reltol=1e-12 vntol=1e-14 abstol=1e-18\n").splitlines()
    key = object()

    def voltages(shared):
        here = session()
        here.add(shared, key, deck)
        try:
            shared.command("op")
            return shared.vectors([b"u", b"o"], 1)[:, 0]
        finally:
            here.remove(shared, key)

    with NewtonCircuit(network) as circuit:
        expected = circuit.measure(Drive([[0.0]])).node_voltages[0, [network.node_index[name] for name in ("u", "o")]]
    np.testing.assert_allclose(session().run(voltages), expected, rtol=0, atol=1e-12)


# The example


@pytest.mark.parametrize("backend", ["exact", "ngspice"])
@pytest.mark.parametrize(
    "other", [{}, {"rule.name": "cl", "rule.nudge": 0.1, "train.learning_rate": 5e4}, {"train.parameter": "log-conductance"}]
)
def test_gates_find_the_crossing_of_the_published_lines(backend, other):
    """Each sample is solved on a line; where both meet, both are."""
    if "train.parameter" in other:
        other = other | {"train.learning_rate": 30.0}
    experiment = load_experiment(EXPERIMENT, {"backend.name": backend, "train.steps": 1000, **other})
    outcome = run_experiment(experiment)
    assert outcome.stopped_because == "loss"
    (a, b), (c, d) = (GatePair().solution_line(task) for task in (0, 1))
    minus = (d - b) / (a - c)
    found = outcome.network.gate_voltages
    assert found == pytest.approx({"MMINUS": minus, "MPLUS": a * minus + b}, abs=2e-3)
    assert outcome.as_dict()["gate_voltages"] == found


def test_gates_stay_within_their_bounds():
    """Targets above what the highest output needs: the low rail's gate falls, the high rail's rises, as far as they may."""
    experiment = load_experiment(EXPERIMENT, {"task.targets": [[0.45], [0.4]]})
    with pytest.warns(HwlearnWarning, match="every trainable edge at a bound"):
        gates = run_experiment(experiment).network.gate_voltages
    assert gates == pytest.approx({"MMINUS": 1.0, "MPLUS": 5.03})


def test_a_run_is_resumed_shown_and_exported(tmp_path):
    def command(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    for name in ("gates.toml", "gates.cir"):
        shutil.copy(EXPERIMENT.with_name(name), tmp_path)
    whole = json.loads(command("train", "gates.toml", "--steps", 12, "--out", "whole", "--json"))
    assert "MMINUS" in command("train", "gates.toml", "--steps", 5, "--out", "part")
    parts = json.loads(command("resume", "part", "--steps", 12, "--json"))
    assert parts["gate_voltages"] == whole["gate_voltages"]

    trained = Network.from_netlist("whole/trained.cir", inputs=["VU"], outputs=["o"], trainable=["M*"])
    assert trained.gate_voltages == pytest.approx(whole["gate_voltages"], rel=1e-12)
    command("export", "whole", "--to", "networkx")
    edges = json.loads(Path("whole/network.json").read_text())["edges"]
    assert {edge["name"]: edge["gate_voltage"] for edge in edges if "gate_voltage" in edge} == whole["gate_voltages"]
    assert Run.load("whole").network.gate_voltages == whole["gate_voltages"]
    command("report", "whole")
    assert f"{whole['gate_voltages']['MPLUS']:.6g}" in Path("whole/report.html").read_text()

    shown = command("show", "gates.toml")
    assert "1 resistors and 2 transistors, of which 2 are trained" in shown
    assert "gate voltage [V]" in shown
    assert "rank here" in command("analyze", "gates.toml")
    refused = CliRunner().invoke(app, ["robustness", "gates.toml"])
    assert refused.exit_code == 2
    assert "linear networks, of resistors and DC sources, not with transistor MMINUS" in refused.output
