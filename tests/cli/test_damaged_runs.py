"""A damaged run folder ends a command with one line, which says where and why, or costs nothing."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from refusals import refused
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run

KITE = Path(__file__).parents[2] / "netlists" / "kite.toml"
SHOWN = (["runs"], ["plot"], ["report"], ["export", "--to", "netlist"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "kite"
    Run.create(folder, load_experiment(KITE, {"train.steps": 3, "train.optimizer": "momentum"})).go()
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def killed(run):
    (run / "result.json").unlink()
    return run


def changed(file, change):
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda info: info.pop("experiment"), "experiment: Field required"),
        (lambda info: info.update(experiment=3), "experiment: Input should be a valid string"),
        (lambda info: info.update(experiment="a\0b"), "experiment: a NUL character in a path"),
        (lambda info: info.update(overrides=[]), "overrides: "),
        (lambda info: info.update(versions=None), "versions: "),
        (lambda info: info["fingerprint"].pop("network"), "fingerprint.network: Field required"),
        (lambda info: info["fingerprint"]["settings"].update({"rule.name": []}), "fingerprint.settings.rule.name: "),
        (
            lambda info: info["fingerprint"]["settings"].update({"rule.name": "x"}),
            "fingerprint.settings.rule.name: no rule: 'x'",
        ),
    ],
)
def test_run_json_is_checked(run, change, words):
    changed(run / "run.json", change)
    for command, *options in SHOWN[1:]:
        said = refused(command, run, *options)
        assert f"{run / 'run.json'}: not written by this version of hwlearn, or damaged: {words}" in said
    assert words in CliRunner().invoke(app, ["runs", str(run)]).stderr


@pytest.mark.parametrize("content", [b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a": "\\ud800"}', b"1" * 5000, b""])
def test_json_that_is_none_is_told(run, content):
    (run / "run.json").write_bytes(content)
    assert str(run / "run.json") in refused("report", run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda result: result.update(stopped_because=None), "stopped_because: "),
        (lambda result: result.update(outputs=[[0.5]]), "outputs and targets are not of the same samples"),
        (lambda result: result.update(outputs=[[1e308, 1.0, 1.0]]), "outputs.0.0: 1e+308 is beyond 1e+150"),
        (lambda result: result.update(outputs=2 * result["outputs"], targets=2 * result["targets"]), "of a task of (1, 3)"),
        (lambda result: result["conductances"].popitem(), "conductances of other edges"),
        (lambda result: result["conductances"].update(RAT=1e308), "conductances.RAT: 1e+308 S is no conductance"),
        (lambda result: result["conductances"].update(RAT=1e-320), "S is no conductance between 1e-150 and 1e+150 S"),
        (lambda result: result["conductances"].update(RAT=None), "conductances.RAT: "),
        (lambda result: result.update(nudge="x"), "nudge: "),
        (lambda result: result.pop("notes"), "notes: Field required"),
    ],
)
def test_result_json_is_checked(run, change, words):
    changed(run / "result.json", change)
    said = refused("report", run)
    assert str(run / "result.json") in said
    assert words in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"step": 3, "loss": "x", "rate": null, "clipped": 0, "noise": 0.0, "time": 0.1}', "loss: "),
        (b'{"step": 3, "loss": 1.0, "rate": null, "clipped": 0.5, "noise": 0.0, "time": 0.1}', "clipped: "),
        (b'{"step": 1, "loss": 1.0, "rate": null, "clipped": 0, "noise": 0.0, "time": 0.1}', "step 1 comes after 3"),
        (b'{"event": "resume", "date": "x"}', "at: "),
        (b'{"event": "start", "date": "x", "loss_initial": 1.0, "circuit": []}', "circuit: "),
        (b'{"event": [], "date": "x"}', "event: "),
        (b"[" * 100_000, "recursion"),
        (b"7", "no JSON object"),
    ],
)
def test_lines_of_the_journal_are_checked(killed, line, words):
    journal = killed / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + line + b"\n")
    number = journal.read_bytes().count(b"\n")
    said = refused("report", killed)
    assert f"{journal}: line {number}: not a line of a journal" in said
    assert words in said


def arrays(file):
    with np.load(file) as opened:
        return dict(opened)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("step", None, "step is missing"),
        ("step", np.array([1.0, 2.0]), "step is no such number"),
        ("step", np.array(-1.0), "step is no such number"),
        ("clipped", np.array(0.5), "clipped is no such number"),
        ("wanted", np.ones(2), "optimizer.mean is no such number"),
        ("wanted", -np.ones(6), "wanted are no conductances"),
        ("wanted", np.full(6, np.nan), "wanted is no such number"),
        ("optimizer.mean", np.ones(4), "optimizer.mean is no such number"),
    ],
)
def test_what_a_checkpoint_holds_is_checked(killed, name, value, words):
    file, content = killed / "checkpoint.npz", arrays(killed / "checkpoint.npz")
    content.pop(name) if value is None else content.update({name: value})
    np.savez(file, **content)
    (killed / "latest.npy").unlink()
    said = refused("export", killed, "--to", "netlist")
    assert str(file) in said
    assert words in said


@pytest.mark.parametrize("basis", [np.zeros((1, 1, 2)), np.zeros((2, 7)), np.zeros(())])
def test_what_a_circuit_remembers_is_checked(killed, basis):
    np.savez(killed / "checkpoint.npz", **{**arrays(killed / "checkpoint.npz"), "circuit.basis": basis})
    (killed / "latest.npy").unlink()
    assert "the snapshot is that of another circuit, or damaged" in refused("resume", killed, "--steps", "5")


@pytest.mark.parametrize("latest", [np.zeros(3), np.zeros((2, 1)), np.zeros((2, 99)), np.array("x"), np.zeros(())])
def test_a_damaged_latest_beside_a_whole_checkpoint_costs_nothing(killed, latest):
    whole = arrays(killed / "checkpoint.npz")
    np.save(killed / "latest.npy", latest)
    found = Run.load(killed).checkpoint
    assert found["wanted"].tolist() == whole["wanted"].tolist()
    assert CliRunner().invoke(app, ["report", str(killed)]).exit_code == 0


def test_a_header_of_an_array_that_ends_in_the_middle_costs_nothing(killed):
    latest = killed / "latest.npy"
    latest.write_bytes(latest.read_bytes().replace(b"}", b" ", 1))
    assert Run.load(killed).checkpoint["wanted"].tolist() == arrays(killed / "checkpoint.npz")["wanted"].tolist()


@pytest.mark.parametrize("count", [np.ones(2), np.ones(1), np.ones((1, 1))])
def test_a_count_that_is_no_number_costs_nothing(killed, count):
    np.savez(killed / "checkpoint.npz", **{**arrays(killed / "checkpoint.npz"), "checkpoint.count": count})
    assert Run.load(killed).checkpoint["step"] == 3


def test_an_experiment_in_it_that_is_no_utf_8(run):
    (run / "experiment.toml").write_bytes(b"# caf\xe9\n")
    assert f"{run / 'experiment.toml'}: not UTF-8" in refused("report", run)


def test_a_killed_run_where_no_lock_can_be_taken_is_shown(killed, monkeypatch):
    """As on a file system that is read-only."""
    lock, opened = str(killed / ".lock"), os.open

    def refusing(path, *options, **more):
        if str(path) == lock:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, *options, **more)

    monkeypatch.setattr(os, "open", refusing)
    assert Run.load(killed).state == "killed"
    assert CliRunner().invoke(app, ["runs", str(killed)]).exit_code == 0
    said = refused("resume", killed, "--steps", "5")
    assert lock in said
    assert os.strerror(errno.EROFS) in said


def test_a_comparison_that_is_none(run):
    for content in ('{"reference": "a", "rule": "ep", "backends": [{"name": 3}]}', "[" * 100_000, "{}", '{"backends": 1e308}'):
        (run / "comparison.json").write_text(content)
        assert f"{run / 'comparison.json'}: " in refused("report", run)
