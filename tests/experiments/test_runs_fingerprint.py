"""What makes a run another one: what changes its circuit, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest
from killed_at import killed_at
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.experiments.runs.fingerprint import differences, fingerprint

NETLISTS = Path(__file__).parents[2] / "netlists"
EXPERIMENT = """
[circuit]
netlist = "diode.cir"
[ports]
inputs = ["V1"]
outputs = ["b"]
[task]
inputs = [[1.0]]
targets = [[0.2]]
[rule]
name = "ep"
[train]
steps = 3
learning_rate = 1e-9
"""
NETLIST = """* a divider with a diode
V1 a 0 DC 1
V2 c 0 DC 2
R1 a b 1k
R2 c b 5k
D1 b 0 dmod
.model dmod D(IS=1e-9)
"""


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def of(folder, netlist=NETLIST, experiment=EXPERIMENT):
    folder.mkdir(exist_ok=True)
    (folder / "diode.cir").write_text(netlist)
    (folder / "diode.toml").write_text(experiment)
    return fingerprint(load_experiment(folder / "diode.toml"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("IS=1e-9", "IS=2e-9"),
        ("IS=1e-9", "IS=1e-9 N=1.1"),
        (".model", ".temp 40\n.model"),
        (".model", ".options gmin=1e-9\n.model"),
        ("D1 b 0", "D1 a 0"),
        ("D1 b 0", "D1 0 b"),
        ("D1 b 0 dmod", "D1 b 0 dmod\nD2 a b dmod"),
        ("R1 a b 1k", "R1 a b 1.0001k"),
        ("V2 c 0 DC 2", "V2 c 0 DC 2.1"),
    ],
)
def test_whatever_changes_the_circuit_is_refused(tmp_path, old, new):
    assert old in NETLIST
    before, now = of(tmp_path / "a"), of(tmp_path / "a", NETLIST.replace(old, new))
    assert differences(before, now) == ["the network is another one"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* a divider", "* another title"),
        ("D1 b 0 dmod", "* a comment\n\nD1 b 0 dmod ; and one more"),
        ("V1 a 0 DC 1", "V1 a 0 DC 7"),  # each sample says what the input is
        ("R1 a b 1k", "R1 a b 1000"),
        ("D1 b 0 dmod", "D1 b 0\n+ dmod"),
    ],
)
def test_whatever_does_not_is_no_change(tmp_path, old, new):
    assert old in NETLIST
    before, now = of(tmp_path / "a"), of(tmp_path / "b", NETLIST.replace(old, new))
    assert differences(before, now) == []
    assert before == now


def test_keys_that_describe_the_same_circuit_and_task_are_no_change(tmp_path):
    before = of(tmp_path / "a")
    for old, new in (('"b"', '"V(b)"'), ('"diode.cir"', '"../a/diode.cir"'), ("[[1.0]]", "[1.0]")):
        assert old in EXPERIMENT
        assert differences(before, of(tmp_path / "b", experiment=EXPERIMENT.replace(old, new))) == []
    (tmp_path / "b" / "task.csv").write_text("V1,b\n1.0,0.2\n")
    samples = "inputs = [[1.0]]\ntargets = [[0.2]]"
    assert differences(before, of(tmp_path / "b", experiment=EXPERIMENT.replace(samples, 'data = "task.csv"'))) == []
    changed = of(tmp_path / "b", experiment=EXPERIMENT.replace('outputs = ["b"]', 'outputs = ["b,a"]'))
    assert differences(before, changed) == ["ports.outputs was ['b'] and is ['b,a']", "the network is another one"]


def test_a_diode_changed_before_resume_is_refused(tmp_path):
    of(tmp_path)
    run = Run.create(tmp_path / "run", load_experiment(tmp_path / "diode.toml"))
    run.go()
    of(tmp_path, NETLIST.replace("1e-9", "2e-9"))
    with pytest.raises(ExperimentError, match="the network is another one"):
        Run.load(run.folder, tmp_path / "diode.toml").resume(overrides={"train.steps": 5})


def test_a_run_with_diodes_killed_and_moved_goes_on_to_the_last_bit(tmp_path, monkeypatch):
    """Trained by a relative path, killed with SIGKILL; read, drawn, exported and resumed from another directory."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    for name in ("xor.toml", "xor.cir"):
        shutil.copy(NETLISTS / name, home)
    monkeypatch.chdir(home)
    assert command("train", "xor.toml", "--steps", "40", "--out", "whole").exit_code == 0
    killed_at(10, "xor.toml", {"train.steps": 40}, "killed", cwd=home)
    assert not (home / "killed" / "result.json").exists()
    monkeypatch.chdir(elsewhere)
    killed = Path("..") / "home" / "killed"
    shown = [
        command("report", killed, "--out", "report.html"),
        *(command("export", killed, "--to", to, "--out", to) for to in ("netcdf", "csv", "netlist", "networkx")),
    ]
    moved = command("resume", killed, "--experiment", Path("..") / "home" / ".." / "home" / "xor.toml")
    for result in (*shown, moved):
        assert (result.exit_code, result.exception) == (0, None), result.stderr
    whole, rest = (json.loads((home / name / "result.json").read_text()) for name in ("whole", "killed"))
    assert rest["conductances"] == whole["conductances"]
    assert rest["outputs"] == whole["outputs"]
    assert (home / "killed" / "trained.cir").read_bytes() == (home / "whole" / "trained.cir").read_bytes()
