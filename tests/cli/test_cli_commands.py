"""The command, called in this process."""

import json
import re
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn import __version__
from hwlearn.cli import app
from hwlearn.errors import HwlearnWarning, LibraryNotFoundError

NETLISTS = Path(__file__).parents[2] / "netlists"
KITE = str(NETLISTS / "kite.toml")
STATION = NETLISTS.parent / "stations" / "allostery.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def train_json(*arguments):
    result = run("train", *arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def test_json_has_the_promised_keys():
    content = train_json(KITE, "--steps", 50)
    promised = {"rule", "backend", "steps", "loss_initial", "loss_final", "outputs", "targets", "conductances", "seconds"}
    assert promised <= set(content)
    assert (content["rule"], content["backend"], content["steps"]) == ("ep", "exact", 50)
    assert list(content["conductances"]) == ["RAT", "RDT", "RAW", "RDW", "RTM", "RMW"]
    assert content["targets"] == [[0.6, 0.5, 0.4]]
    error = [o - y for o, y in zip(content["outputs"][0], content["targets"][0], strict=True)]
    assert content["loss_final"] == pytest.approx(0.5 * sum(e * e for e in error), rel=1e-12)
    assert content["loss_final"] < content["loss_initial"]
    assert (content["nudge"], content["nudge_unit"], content["stopped_because"]) == (0.01, "S", "steps")


def test_one_word_changes_the_backend():
    exact, ngspice = (train_json(KITE, "--steps", 20, "--backend", name) for name in ("exact", "ngspice"))
    assert ngspice["backend"] == "ngspice"
    assert ngspice["conductances"] == pytest.approx(exact["conductances"], rel=1e-9)


def test_one_word_changes_the_rule_and_says_what_was_dropped():
    result = run("train", KITE, "--rule", "al", "--json")
    content = json.loads(result.stdout)
    assert content["rule"] == "al"
    assert content["nudge_unit"] == "Ω"
    assert content["loss_final"] < 1e-8
    assert "note: nudge = 0.01 of the file is for ep and was dropped" in result.stderr


def test_set_takes_toml_values_and_bare_words():
    content = train_json(KITE, "--set", "train.steps=3", "--set", "rule.name=cl", "--set", "task.targets=[[0.5, 0.5, 0.5]]")
    assert (content["steps"], content["rule"], content["targets"]) == (3, "cl", [[0.5, 0.5, 0.5]])
    seeded = train_json(NETLISTS / "regression.toml", "--steps", 5, "--seed", 9)
    assert seeded["overrides"] == {"train.steps": 5, "train.seed": 9}
    for wrong in ("train.steps", "=3"):
        assert "write KEY=VALUE" in run("train", KITE, "--set", wrong).stderr
    assert "train.steps = '2;x=3'" in run("train", KITE, "--set", "train.steps=2;x=3").stderr
    assert "train.steps" in run("train", KITE, "--set", "train.steps=2\nx=3").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.toml"], "none.toml: no such file"),
        ([KITE, "--steps", "-3"], "train.steps = -3"),
        ([KITE, "--backend", "spice"], "backend.name = 'spice'"),
        ([KITE, "--rule", "eq"], "rule.name = 'eq'"),
        ([KITE, "--set", "train.learning_rate=-1"], "train.learning_rate = -1"),
        ([KITE, "--set", "train.stepz=1"], "did you mean train.steps"),
        ([KITE, "--set", "ports.outputs=['Q']"], "'Q'"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(arguments, words):
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.fullmatch(r"error: [^\n]*\n", result.stderr)
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", NETLISTS / "kite.cir"], "kite.cir: this is a netlist, not an experiment file; hwlearn new"),
        (["sweep", NETLISTS / "kite.cir"], "this is a netlist, not a sweep file; hwlearn new"),
        (["sweep", KITE], "kite.toml: this is an experiment file, not a sweep file; hwlearn train reads it"),
        (["train", STATION], "this is a station file, not an experiment file; hwlearn bench show reads it"),
        (["bench", "show", KITE, KITE], "this is an experiment file, not a station file; hwlearn train reads it"),
        (["analyze", NETLISTS], "netlists: is a folder; name an experiment file"),
        (["report", KITE], "kite.toml: is a file and no run folder, such as hwlearn train leaves"),
        (["resume", KITE], "kite.toml: is a file and no run folder"),
    ],
)
def test_a_file_of_another_kind_is_told_what_reads_it(arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("command", ["analyze", "show", "train"])
def test_a_run_folder_is_told_what_takes_it(tmp_path, command):
    (tmp_path / "run.json").write_text("{}")
    result = run(command, tmp_path)
    assert result.exit_code == 2
    assert "is a folder; name an experiment file; a run goes to hwlearn report, plot, export, resume" in result.stderr


def test_compare_needs_no_options():
    content = json.loads(run("compare", KITE, "--json").stdout)
    assert content["agrees"]
    assert [content["reference"], *(other["name"] for other in content["backends"])] == ["exact", "ngspice"]


def test_debug_shows_where_an_error_comes_from():
    result = run("--debug", "train", "none.toml")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "Traceback" not in run("train", "none.toml").stderr


def test_a_warning_is_one_line_on_stderr():
    result = run("train", KITE, "--steps", 20, "--set", "train.learning_rate=1e9", "--json")
    assert result.exit_code == 0
    assert "\nwarning: step 1 put every trainable edge at a bound" in f"\n{result.stderr}"
    json.loads(result.stdout)


def test_the_summary_names_outputs_and_conductances():
    result = run("train", KITE, "--steps", 100, "--set", "train.learning_rate=2", "--set", "train.stop_loss=1e-6", "--no-save")
    assert result.exit_code == 0
    text = result.stdout
    for word in ("ep, nudge 0.01 S, both sides", "exact", "100 (stopped because: steps)", "RMW", "target", "V²"):
        assert word in text
    assert "steps are predicted to 1e-06 V²" in result.stderr


def test_long_tables_are_elided():
    text = run("train", NETLISTS / "crossbar.toml", "--steps", 1).stdout
    assert "R11" in text
    assert "R99" not in text
    assert "… 31 more" in text


def test_out_writes_everything_and_never_twice(tmp_path):
    folder = tmp_path / "run"
    content = train_json(KITE, "--steps", 10, "--out", folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "checkpoint.npz",
        "experiment.toml",
        "files",
        "journal.jsonl",
        "latest.npy",
        "result.json",
        "run.json",
        "trained.cir",
        "trajectory.npy",
    ]
    assert content.items() >= json.loads((folder / "result.json").read_text()).items()
    assert (folder / "experiment.toml").read_bytes() == Path(KITE).read_bytes()
    again = run("train", KITE, "--steps", 10, "--out", folder)
    assert again.exit_code == 2
    assert "not empty" in again.stderr
    assert content.items() >= json.loads((folder / "result.json").read_text()).items()


def test_a_mistake_leaves_no_folder(tmp_path):
    assert run("train", KITE, "--set", "task.inputs=[[1.0]]", "--out", tmp_path / "run").exit_code == 2
    assert not (tmp_path / "run").exists()


def test_trust_is_the_flag_alone(tmp_path):
    text = Path(KITE).read_text(encoding="utf-8")
    netlist = (NETLISTS / "kite.cir").read_text().replace(".end\n", ".control\nop\n.endc\n.end\n")
    (tmp_path / "kite.cir").write_text(netlist)
    file = tmp_path / "kite.toml"
    file.write_text(text, encoding="utf-8")
    refused = run("train", file, "--steps", 1)
    assert refused.exit_code == 2
    assert "kite.cir:12" in refused.stderr
    assert run("train", file, "--steps", 1, "--set", "circuit.trust_netlist=true").exit_code == 2
    assert run("train", file, "--steps", 1, "--trust-netlist", "--json").exit_code == 0


def test_a_loss_that_is_not_finite_is_null_and_exit_code_1(monkeypatch):
    from hwlearn.learning.rules import EquilibriumPropagation

    monkeypatch.setattr(EquilibriumPropagation, "seen_loss", lambda *_: float("nan"))
    result = run("train", KITE, "--json")
    assert result.exit_code == 1
    content = json.loads(result.stdout, parse_constant=pytest.fail)
    assert (content["stopped_because"], content["rule_loss"], content["steps"]) == ("not finite", None, 0)
    assert content["loss_final"] == content["loss_initial"]


def test_show_prints_and_draws(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("show", NETLISTS / "regression.toml")
    assert result.exit_code == 0
    for word in ("VX1: voltage from x1 to 0", "VB: 1 V from bias to 0", "R9", "0.0001", "y2 [V]", "drawn in regression.png"):
        assert word in result.stdout
    assert (tmp_path / "regression.png").read_bytes().startswith(b"\x89PNG")


def test_show_json_is_the_network(tmp_path):
    picture = tmp_path / "c.svg"
    result = run("show", NETLISTS / "crossbar.toml", "--json", "--out", picture)
    content = json.loads(result.stdout)
    assert len(content["edges"]) == 81
    assert content["edges"][0] == {"name": "R11", "tail": "x1", "head": "y1", "conductance": 1e-4, "trainable": True}
    assert [source["name"] for source in content["inputs"]] == [f"VX{k}" for k in range(1, 10)]
    assert len(content["task"]["inputs"]) == 9
    assert "<svg" in picture.read_text(encoding="utf-8")
    bad = run("show", KITE, "--out", tmp_path / "none" / "c.png")
    assert bad.exit_code == 2
    assert "cannot be written" in bad.stderr


def test_doctor_finds_ngspice_and_the_solvers():
    result = run("doctor", "--json")
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert content["ngspice"]["ok"]
    assert "ngspice" in content["ngspice"]["library"]
    assert int(content["ngspice"]["version"]) >= 26
    assert content["ngspice"]["solver"] in ("Sparse", "KLU")
    assert content["solvers"] == {name: {"ok": True} for name in ("LAPACK", "qdldl", "CHOLMOD")}
    assert content["versions"]["hwlearn"] == __version__
    assert "libngspice" in run("doctor").stdout


def test_doctor_says_what_installs_ngspice(monkeypatch):
    def missing():
        raise LibraryNotFoundError("libngspice was not found. Install it:  sudo apt-get install libngspice0")

    monkeypatch.setattr("hwlearn.spice.library.find_library", missing)
    result = run("doctor")
    assert result.exit_code == 1
    assert "not usable" in result.stdout
    assert "error: libngspice was not found. Install it: sudo apt-get install libngspice0" in " ".join(result.stderr.split())


def test_doctor_reports_a_broken_solver(monkeypatch):
    from hwlearn.circuits.linalg import Cholmod

    monkeypatch.setattr(Cholmod, "solve", lambda self, right: np.ones_like(right))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert "wrong answer" in json.loads(result.stdout)["solvers"]["CHOLMOD"]["error"]


def test_version():
    assert run("--version").stdout == f"hwlearn {__version__}\n"
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["scripts"]["hwlearn"] == "hwlearn.cli:main"


def test_warnings_are_as_before_after_a_command():
    before = list(warnings.filters), warnings.showwarning
    run("train", KITE, "--steps", 1)
    assert (list(warnings.filters), warnings.showwarning) == before
    with pytest.raises(HwlearnWarning):
        warnings.warn("still an error in tests", HwlearnWarning, stacklevel=1)


def test_a_run_goes_on_by_its_folder(tmp_path):
    train_json(KITE, "--steps", 10, "--out", tmp_path / "run")
    whole = train_json(KITE, "--steps", 30, "--no-save")
    assert not (tmp_path / "runs").exists()
    result = run("resume", tmp_path / "run", "--steps", 30, "--json")
    assert json.loads(result.stdout)["conductances"] == whole["conductances"]
    again = run("resume", tmp_path / "run", "--json")
    assert "nothing left to do" in again.stderr
    assert json.loads(again.stdout)["conductances"] == whole["conductances"]
    assert "not a run folder" in run("resume", tmp_path).stderr
