"""What another package defines through the registries works without a changed line of hwlearn, and keeps the contracts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import outside
import pytest
from processes import PATIENCE
from typer.testing import CliRunner

from hwlearn import ExactCircuit, Network, NewtonCircuit, Run, Task, train
from hwlearn.circuits.imperfect import ImperfectCircuit
from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.sweeps import run_sweep
from hwlearn.network.builders import kite
from hwlearn.testing import (
    BackendContract,
    CommandContract,
    ImperfectionContract,
    LossContract,
    ResistorContract,
    RuleContract,
)

ROOT = Path(__file__).parents[1]

EXPERIMENT = """
[circuit]
builder = "kite"
conductances = [1, 1.5, 1.3, 1, 1, 1.7]
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5, 0.4]]
[rule]
name = "limited"
most = 2e-5
nudge = 1e-4
[loss]
name = "halves"
weight = 2.0
[train]
steps = 30
learning_rate = 0.5
[backend]
name = "dense"
digits = 9
[imperfect]
seed = 4
gain = { part = 0.01 }
"""
MODEL = EXPERIMENT.split("[backend]", maxsplit=1)[0]
BY_MODULE = (
    EXPERIMENT.replace('"dense"', '"outside:DenseBackend"')
    .replace("gain =", '"outside:Gain" =')
    .replace('"limited"', '"outside:Limited"')
    .replace('"halves"', '"outside:Halves"')
)
PLAIN = MODEL.replace("limited", "ep").replace("most = 2e-5\n", "").replace('[loss]\nname = "halves"\nweight = 2.0\n', "")


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The environment of processes for which the package is installed."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(outside.__file__, site / "outside.py")
    metadata = site / "outside-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    lines = []
    for group, members in outside.POINTS.items():
        lines += [f"[{group}]", *(f"{name} = outside:{member}" for name, member in members.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return {**os.environ, "PYTHONPATH": str(site)}


def hwlearn(environment, *words):
    command = [sys.executable, "-m", "hwlearn", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT)
    return path


def by_hand():
    """The same training without registries."""
    inside = outside.DenseCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7]), 9)
    with ImperfectCircuit(inside, outside.Gain(0.01), seed=4) as circuit:
        task = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
        rule = outside.Limited(2e-5, 1e-4, loss=outside.Halves(2.0))
        return train(circuit, task, rule, steps=30, learning_rate=0.5)


class TestBackend(BackendContract, ResistorContract):
    kind = outside.DenseBackend


class TestRule(RuleContract):
    def make(self):
        return outside.Limited(most=1e3)


class TestLoss(LossContract):
    def make(self):
        return outside.Halves(0.7)


class TestImperfection(ImperfectionContract):
    def make(self):
        return outside.Gain(0.01)


class TestCommand(CommandContract):
    name = "count-edges"

    @pytest.fixture(autouse=True)
    def _installed(self, installed):
        self.environment = installed

    def test_it_does_its_work(self, file):
        done = self.run("count-edges", str(file))
        assert (done.stdout, done.returncode) == ("6\n", 0)

    def test_an_error_is_one_line(self, file):
        done = self.run("count-edges", str(file.parent / "none.toml"))
        assert done.returncode == 2
        assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
            f"error: {file.parent / 'none.toml'}: no such file"
        ]


def test_one_experiment_file_names_members_of_another_package(installed, file):
    done = hwlearn(installed, "train", file, "--no-save", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["backend"] == "dense"
    np.testing.assert_array_equal(list(found["conductances"].values()), by_hand().conductances)


def test_one_experiment_file_has_a_device_of_another_package_too(installed, file):
    device = outside.Memristor("B1", 2.0)
    network = Network.from_edges(
        [("a", "m"), ("m", "0"), ("a", "m")], 2e-3, names=["R1", "R2", "B1"], inputs=["a"], outputs=["m"], devices=[device]
    )
    network.to_netlist(file.parent / "memristor.cir")
    circuit = '[circuit]\nnetlist = "memristor.cir"\ntrainable = ["*"]\n[ports]\ninputs = ["V_a"]\noutputs = ["m"]\n'
    task = "[task]\ninputs = [[1.0], [-0.4]]\ntargets = [[0.7], [-0.3]]\n"
    rest = EXPERIMENT[EXPERIMENT.index("[rule]") :].replace("learning_rate = 0.5", "learning_rate = 1e-4")
    file.write_text(circuit + task + rest)
    shown = hwlearn(installed, "show", file, "--out", file.parent / "m.png")
    assert "memristor" in shown.stdout, shown.stderr
    done = hwlearn(installed, "train", file, "--no-save", "--json")
    assert done.returncode == 0, done.stderr
    with ImperfectCircuit(NewtonCircuit(network), outside.Gain(0.01), seed=4) as made:
        samples = Task([[1.0], [-0.4]], [[0.7], [-0.3]])
        rule = outside.Limited(2e-5, 1e-4, loss=outside.Halves(2.0))
        expected = train(made, samples, rule, steps=30, learning_rate=1e-4).conductances
    assert (expected != network.conductances).all()
    found = json.loads(done.stdout)["conductances"]
    np.testing.assert_allclose([found[name] for name in ("R1", "R2", "B1")], expected, rtol=1e-9)


@pytest.fixture
def on_a_bench(installed, tmp_path):
    """Trains a step with members of the other package on the virtual bench, by the DAC driver of this name."""

    def train_by(driver):
        station = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
        (tmp_path / "station.toml").write_text(station.replace("scpi_dac", driver), encoding="utf-8")
        netlist, experiment = (ROOT / "netlists" / f"allostery-bench.{end}" for end in ("cir", "toml"))
        shutil.copy(netlist, tmp_path)
        text = experiment.read_text(encoding="utf-8").replace('name = "ep"', 'name = "limited"\nmost = 1.0')
        tables = (
            '[loss]\nname = "halves"\n',
            "[imperfect]\ngain = { part = 0.0 }\n",
            '[backend]\nname = "bench"\nstation = "station.toml"\n',
        )
        (tmp_path / "bench.toml").write_text(text + "".join(tables), encoding="utf-8")
        return hwlearn(installed, "train", tmp_path / "bench.toml", "--steps", 1, "--no-save", "--json")

    return train_by


def test_one_experiment_file_runs_on_a_bench_with_a_driver_of_another_package(on_a_bench):
    done = on_a_bench("own-dac")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["steps"] == 1
    assert found["loss_final"] < found["loss_initial"]


def test_it_is_the_driver_of_the_other_package_that_is_asked(on_a_bench):
    done = on_a_bench("half-scale-dac")
    assert done.returncode == 2
    assert "dac: channel 1 (source VS) was set to 1 V in sample 0, and 1.99" in done.stderr


def test_the_limit_and_the_weight_of_the_file_count():
    with outside.DenseCircuit(kite([1, 1.5, 1.3, 1, 1, 1.7])) as circuit:
        task = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
        rules = (outside.Limited(1.0, 1e-4), outside.Limited(1.0, 1e-4, loss=outside.Halves(2.0)), outside.Limited(1e-6, 1e-4))
        plain, heavy, limited = (rule.direction(circuit, task) for rule in rules)
    np.testing.assert_allclose(heavy, 2 * plain, rtol=1e-3)
    assert np.abs(limited).max() < 0.5 * np.abs(plain).max()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"loss.name": "squared-eror"}, "loss.name = 'squared-eror': must be "),
        ({"loss.name": "squared-eror"}, "did you mean 'squared-error'"),
        ({"loss.weight": 2.0}, "[loss]: squared-error: unknown argument 'weight'"),
        ({"rule.most": 1.0}, "unknown key rule.most"),
        ({"rule.name": "outside:Limited"}, "--trust-code"),
        ({"loss.name": "outside:Halves"}, "--trust-code"),
    ],
)
def test_rules_and_losses_of_a_file_are_checked(file, overrides, words):
    file.write_text(PLAIN)
    with pytest.raises(ExperimentError) as caught:
        load_experiment(file, overrides)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_beside_the_file_runs_with_trust_alone(file):
    shutil.copy(outside.__file__, file.parent / "outside.py")
    file.write_text(BY_MODULE)
    for trusted in ({}, {"trust": True}):
        with pytest.raises(ExperimentError, match=r"experiment\.toml.*--trust-code"):
            load_experiment(file, **trusted)
    assert not [name for name in sys.modules if str(file.parent) in name]
    experiment = load_experiment(file, trust_code=True)
    outcome = run_experiment(experiment)
    assert outcome.backend == "outside:DenseBackend"
    np.testing.assert_array_equal(outcome.network.conductances, by_hand().conductances)


def test_the_file_beside_comes_before_an_installed_module(file):
    (file.parent / "outside.py").write_text("raise OSError('this one')")
    file.write_text(BY_MODULE)
    with pytest.raises(ExperimentError, match="cannot be imported: this one"):
        load_experiment(file, trust_code=True)


def test_the_command_line_grants_trust_to_code(file):
    shutil.copy(outside.__file__, file.parent / "outside.py")
    file.write_text(BY_MODULE)
    refused = hwlearn(None, "train", file, "--no-save")
    assert refused.returncode == 2
    assert "--trust-code" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    done = hwlearn(None, "train", file, "--no-save", "--trust-code", "--json")
    assert list(json.loads(done.stdout)["conductances"].values()) == by_hand().conductances.tolist()


def test_a_run_folder_asks_for_trust_again(file):
    shutil.copy(outside.__file__, file.parent / "outside.py")
    file.write_text(BY_MODULE)
    run = Run.create(file.parent / "run", load_experiment(file, {"train.steps": 3}, trust_code=True))
    run.go()
    for load in (Run.load(run.folder), Run.load(run.folder, file)):
        with pytest.raises(ExperimentError, match="--trust-code"):
            _ = load.experiment
    runner = CliRunner()
    for words in (["report"], ["plot"], ["export", "--to", "netlist"], ["resume", "--steps", "4"]):
        command, *options = words
        assert "--trust-code" in runner.invoke(app, [command, str(run.folder), *options]).stderr
        done = runner.invoke(app, [command, str(run.folder), *options, "--trust-code"])
        assert done.exit_code == 0, done.stderr
    assert Run.load(run.folder).result["steps"] == 4


def test_a_sweep_trains_code_that_is_trusted(file):
    shutil.copy(outside.__file__, file.parent / "outside.py")
    file.write_text(BY_MODULE)
    sweep = file.parent / "sweep.toml"
    sweep.write_text(
        'experiment = "experiment.toml"\n[grid]\n"imperfect.seed" = [1, 2]\n"backend.name" = ["outside:DenseBackend"]'
    )
    found = run_sweep(sweep, file.parent / "swept", jobs=2, trust_code=True)
    assert not found.failed
    with pytest.raises(ExperimentError, match=r"every cell is refused.*--trust-code"):
        run_sweep(sweep, file.parent / "refused", jobs=1)


def test_broken_members_and_taken_names_cost_a_line_each_and_nothing_else(installed, file):
    helped = hwlearn(installed, "--help")
    assert helped.returncode == 0
    assert [line.split(":")[0] for line in helped.stderr.splitlines()] == ["warning", "warning"]
    assert "'broken' (outside:NotThere) cannot be imported" in helped.stderr
    assert "command 'train' is hwlearn.cli.train:train, which is used, and outside:count_edges" in helped.stderr
    listed = [line.split()[0] for line in helped.stdout.splitlines() if line.startswith("  ") and line.split()]
    assert {"train", "count-edges", "several"} <= set(listed)
    assert "broken" not in listed
    assert hwlearn(installed, "several", "two").stdout == "two\n"


def test_options_know_what_is_installed(installed):
    text = " ".join(hwlearn(installed, "train", "--help").stdout.split())
    assert "bench, exact, ngspice, dense or broken" in text
    complete = {"_HWLEARN_COMPLETE": "complete_bash", "COMP_WORDS": "hwlearn train --backend de", "COMP_CWORD": "3"}
    assert hwlearn({**installed, **complete}).stdout.split() == ["dense"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("noise = { volt = 1e-4 }", ["[imperfect]: noise", "unknown argument 'volt'", "did you mean 'volts'", "lsb"]),
        ("noise = 1e-4", ["[imperfect]: noise = 0.0001", "noise = { volts = …"]),
        ("noise = { volts = -1 }", ["[imperfect]: noise: volts is -1"]),
        ('noise = { volts = "x" }', ["[imperfect]: noise: "]),
        ("offset = {}", ["[imperfect]: offset: volts is missing"]),
        ("nose = {}", ["[imperfect]: unknown imperfection 'nose'", "did you mean 'noise'"]),
        ("seed = -1", ["imperfect.seed = -1"]),
        ('stuck-edges = { names = ["Q"] }', ["no edge 'Q'"]),
    ],
)
def test_imperfections_of_a_file_are_checked(file, text, words):
    file.write_text(PLAIN + f"[imperfect]\n{text}\n")
    with pytest.raises(ExperimentError) as caught:
        load_experiment(file).circuit()
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_imperfections_act_in_the_order_of_the_file_on_any_backend(file):
    file.write_text(PLAIN + "[imperfect]\nnoise = { volts = 1e-3 }\noffset = { volts = 1 }\n")
    experiment = load_experiment(file, {"imperfect.noise.volts": 2e-3})
    for backend in ("exact", "ngspice"):
        with experiment.circuit(backend) as circuit:
            assert isinstance(circuit, ImperfectCircuit)
            assert [type(effect).__name__ for effect in circuit.effects] == ["Noise", "Offset"]
            assert circuit.effects[0].noise == 2e-3
            assert circuit.inside.name == backend
    with experiment.circuit(imperfect=False) as circuit:
        assert isinstance(circuit, ExactCircuit)


def test_keys_of_another_backend_wait_in_the_file_and_foreign_ones_are_refused(file):
    file.write_text(PLAIN + '[backend]\nstation = "s.toml"\nprocesses = 2\n')
    experiment = load_experiment(file)
    assert experiment.backend("bench").station == "s.toml"
    assert experiment.backend("ngspice").processes == 2
    assert experiment.circuit().name == "exact"
    with pytest.raises(ExperimentError, match=r"unknown key backend\.proceses; did you mean backend\.processes"):
        load_experiment(file, {"backend.proceses": 2})
    with pytest.raises(ExperimentError, match=r"backend\.processes = 0"):
        load_experiment(file, {"backend.name": "ngspice", "backend.processes": 0})
