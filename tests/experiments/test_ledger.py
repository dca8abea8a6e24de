"""The ledger: energy by ngspice's own source currents, by a dense solve, by the virtual bench's integral; counts by hand."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clocks import MessageClock
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    Network,
    NewtonCircuit,
    NgspiceCircuit,
    Task,
)
from hwlearn.circuits.ledger import Ledger, Timing, source_power, source_values, sourced
from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.experiments.cost import predicted_ledger
from hwlearn.experiments.runs import Run
from hwlearn.experiments.sweeps import run_sweep
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.learning.cost import step_cost
from hwlearn.network.builders import deep_resistive, kite

ROOT = Path(__file__).parents[2]
NETLISTS = ROOT / "netlists"
MIXED = """mixed sources, a diode and a fixed resistor
V1 a 0 1
I2 0 b 2m
VB c 0 0.7
R1 a b 1k
R2 b c 2.2k
R3 b d 470
R4 d 0 1k
D1 d 0 mod
.model mod d is=1e-12 n=1.5
"""

RULES = [EquilibriumPropagation(0.1, symmetric=True), CoupledLearning(0.3), AdjointCoupledLearning(0.2)]

numbers = st.floats(0, 1e6)
counts = st.integers(0, 99)
ledgers = st.builds(Ledger, numbers, numbers, numbers, numbers, counts, counts, st.dictionaries(st.sampled_from("ab"), counts))


@given(ledgers, ledgers, ledgers)
def test_ledgers_add_up(one, two, three):
    left, right = ((one + two) + three).as_dict(), (one + (two + three)).as_dict()
    for key, value in left.items():
        assert right[key] == pytest.approx(value)
    assert (one + Ledger()).as_dict() == one.as_dict()


ASK = """
import sys
from hwlearn.spice.session import session

def ask(shared):
    shared.circuit([*sys.argv[1].splitlines(), ".options reltol=1e-12 abstol=1e-18 vntol=1e-15", ".end"])
    shared.command("op")
    shared.command("set numdgt=17")
    shared.forget()
    for name in sys.argv[2:]:
        shared.command(f"print @{name}[p]")
    return [line.split("=")[1] for line in shared.messages[0]]

print(*session().run(ask))
"""


def power_by_ngspice(netlist, *sources):
    """W that the sources give: ngspice tells what each takes, @v1[p]."""
    done = subprocess.run([sys.executable, "-c", ASK, netlist, *sources], capture_output=True, text=True, check=True)
    return -sum(map(float, done.stdout.split()))


@pytest.mark.parametrize("backend", [NgspiceCircuit, NewtonCircuit])
def test_the_power_is_that_which_ngspice_says_its_sources_give(tmp_path, backend):
    (tmp_path / "mixed.cir").write_text(MIXED)
    network = Network.from_netlist(tmp_path / "mixed.cir", inputs=["V1", "I2"], outputs=["b"], trainable=["R1", "R2"])
    with backend(sourced(network)) as circuit:
        values = source_values(network, np.array([[1.0, 2e-3]]))
        power = source_power(circuit.network, circuit.measure(Drive(values)))
    assert power[0] == pytest.approx(power_by_ngspice(MIXED, "v1", "i2", "vb"), rel=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_step_costs_what_each_of_its_phases_dissipates(rule):
    """Tellegen: what all sources give is Σ g Δv² in the resistors, here by dense solves of each phase."""
    network, task = kite([1, 1.5, 1.3, 1, 1, 1.7]), Task([[1.0, 0.0], [0.5, -1.0]], [[0.6, 0.5, 0.4], [0.1, 0.0, -0.2]])
    timing = Timing(settle=2e-3, reading=1e-3, readings=5, programming=0.1, endurance={"R1": 1e6})
    with ExactCircuit(sourced(network)) as circuit:
        cost = step_cost(circuit, network, task, rule, timing)
        powers = [dissipated(network, task, circuit, rule.free(task.targets))]
        free = circuit.measure(Drive(task.inputs, rule.free(task.targets)))
        nudge = rule.amplitude(network)
        for side in (nudge, -nudge) if rule.symmetric else (nudge,):
            powers.append(dissipated(network, task, circuit, rule.nudged(free, task.targets, side)))
    phases = 2 * len(powers)
    assert cost.energy == pytest.approx(3e-3 * np.sum(powers), rel=1e-12)
    assert (cost.phases, cost.readings) == (phases, 5 * phases)
    assert (cost.settling, cost.reading, cost.programming) == pytest.approx((phases * 2e-3, phases * 1e-3, 0.1))
    assert cost.writes == dict.fromkeys(network.edge_names, 1)
    assert cost.worn == {"R1": 1e-6}


def dissipated(network, task, circuit, outputs):
    """(S,) W in the resistors."""
    volts = circuit.measure(Drive(task.inputs, outputs)).node_voltages
    index = network.node_index
    drops = np.stack([volts[:, index[edge.tail]] - volts[:, index[edge.head]] for edge in network.edges], axis=1)
    return drops**2 @ network.conductances


def test_ideal_diodes_take_nothing_so_that_the_edges_tell_the_power():
    network = deep_resistive([3, 4, 2], twin_inputs=True, diodes="ideal", biases="none", gain=10.0, seed=0)
    random = np.random.default_rng(0)
    task = Task(random.uniform(0, 1, (3, len(network.inputs))), random.uniform(0, 1, (3, 2)))
    with NewtonCircuit(sourced(network)) as circuit:
        cost = step_cost(circuit, network, task, EquilibriumPropagation(), Timing(settle=1.0))
        volts = circuit.measure(Drive(source_values(network, task.inputs))).node_voltages
    free = (volts[:, network.tails] - volts[:, network.heads]) ** 2 @ network.conductances
    assert cost.energy == pytest.approx(2 * free.sum(), rel=0.01)  # the nudge is small


def test_a_run_tells_the_sum_of_its_steps_and_the_prediction_is_that_of_the_first(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "kite.toml", {"train.steps": 15}))
    outcome = run.go()
    experiment, along = run.experiment, run.trajectory
    with ExactCircuit(sourced(experiment.network)) as circuit:
        joules = []
        for conductances in along.conductances[:-1]:  # nothing is learned from the last
            circuit.program(conductances)
            joules.append(step_cost(circuit, experiment.network, experiment.task, experiment.rule, Timing()).energy)
    assert outcome.ledger.energy == pytest.approx(sum(joules), rel=1e-12)
    assert outcome.ledger.phases == 15 * 3
    assert outcome.ledger.writes["RTM"] == 15
    assert predicted_ledger(experiment, experiment.network).energy == pytest.approx(15 * joules[0], rel=1e-12)
    assert json.loads((run.folder / "result.json").read_text())["ledger"]["energy"] == outcome.ledger.energy
    done = CliRunner().invoke(app, ["report", str(run.folder)])
    assert done.exit_code == 0
    assert f"{outcome.ledger.energy:.3g} J" in (run.folder / "report.html").read_text(encoding="utf-8")
    told = CliRunner().invoke(app, ["analyze", str(NETLISTS / "kite.toml"), "--set", "train.steps=15", "--json"])
    assert json.loads(told.stdout)["ledger"]["energy"] == pytest.approx(15 * joules[0])


def test_a_long_run_is_told_from_few_points(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "kite.toml", {"train.steps": 400}))
    ledger = run.go().ledger
    with ExactCircuit(sourced(run.network)) as circuit:
        joules = 0.0
        for conductances in run.trajectory.conductances[:-1]:
            circuit.program(conductances)
            joules += step_cost(circuit, run.network, run.experiment.task, run.experiment.rule, Timing()).energy
    assert ledger.energy == pytest.approx(joules, rel=0.01)


def test_a_sweep_has_its_columns(tmp_path):
    for name in ("kite.cir", "kite.toml"):
        (tmp_path / name).write_text((NETLISTS / name).read_text())
    (tmp_path / "sweep.toml").write_text('experiment = "kite.toml"\n[grid]\n"train.steps" = [5, 10]\n')
    results = run_sweep(tmp_path / "sweep.toml", tmp_path / "out", jobs=1)
    one, two = results.rows
    assert 1.8 < two.energy / one.energy < 2.2
    assert (one.most_writes, two.most_writes) == (5, 10)
    assert two.bench_seconds == pytest.approx(2 * one.bench_seconds)
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["energy [J]"]) == one.energy


def perfect(tmp_path, **virtual):
    """The allostery's station without noise and tolerance, so that its tables tell the truth; pots that wear."""
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in (
        ("noise_v = 20e-6\nlsb_v = 5e-6\n", ""),
        ("pot_tolerance = 0.2", "pot_tolerance = 0"),
        ("repeats = 8", "repeats = 2"),
        ("settle_s = 0.0", "settle_s = 0.02"),
    ):
        assert old in text
        text = text.replace(old, new)
    text = text.replace("min_code = 1", "min_code = 1\nendurance = 50_000")
    (tmp_path / "station.toml").write_text(text, encoding="utf-8")
    return tmp_path / "station.toml"


@pytest.fixture
def clock(monkeypatch):
    made = MessageClock()
    for module in ("bench.account", "bench.phases", "instruments.scpi.session"):
        monkeypatch.setattr(f"hwlearn.lab.{module}.time", made)
    return made


def test_a_bench_counts_what_the_virtual_one_integrates(tmp_path, clock):
    experiment = load_experiment(NETLISTS / "allostery-bench.toml")
    with BenchCircuit(experiment.network, perfect(tmp_path)) as circuit:
        model, true = circuit.connection.virtual.model, [0.0, clock.now]

        def integrate():
            true[0] += model.power * (clock.now - true[1])
            true[1] = clock.now

        model.changing = integrate
        for _ in range(4):
            experiment.rule.read(circuit, experiment.task)
            circuit.program(circuit.conductances * 1.01)
        integrate()
        ledger = circuit.ledger
        codes = circuit.writes
    assert ledger.energy == pytest.approx(true[0], rel=0.01)
    assert ledger.phases >= 4 * 3
    assert ledger.writes == dict(zip(experiment.network.edge_names, codes.tolist(), strict=True))
    assert ledger.worn == {name: count / 50_000 for name, count in ledger.writes.items()}
    assert ledger.readings >= 2 * ledger.phases


@pytest.mark.usefixtures("clock")
def test_a_bench_run_that_is_resumed_has_the_cost_of_both_parts(tmp_path):
    overrides = {"backend.name": "bench", "backend.station": str(perfect(tmp_path)), "train.steps": 4}
    run = Run.create(tmp_path / "run", load_experiment(NETLISTS / "allostery-bench.toml", overrides))
    before = run.go().ledger
    after = run.resume(overrides={"train.steps": 8}).ledger
    assert after.phases > 1.5 * before.phases
    assert after.energy > before.energy > 0
    assert after.settling > 1.2 * before.settling > 0
    assert after.reading > 1.2 * before.reading > 0
    assert all(after.writes[name] >= count for name, count in before.writes.items())
    predicted = predicted_ledger(run.experiment, run.experiment.network)
    assert predicted.phases == 8 * 3 <= after.phases  # checks read more
    assert predicted.worn.keys() == {*run.network.edge_names}
