"""What cannot be read or done ends a command with one line, which says where and why."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from processes import COMMAND, ENVIRONMENT
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.lab.station import load_station
from hwlearn.lab.station.tables import CodeTable

ROOT = Path(__file__).parents[2]
KITE = ROOT / "netlists" / "kite.toml"
SHOWN = (["runs"], ["plot"], ["report"], ["export", "--to", "netlist"])


def refused(*arguments):
    """The one line that a command is refused with."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("error: ")
    return result.stderr


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


def test_an_experiment_that_is_no_utf_8(run, tmp_path):
    (run / "experiment.toml").write_bytes(b"# caf\xe9\n")
    assert f"{run / 'experiment.toml'}: not UTF-8" in refused("report", run)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert "latin.toml: not UTF-8" in refused("train", tmp_path / "latin.toml", "--no-save")


@pytest.mark.skipif(os.name != "posix", reason="file names of POSIX")
def test_a_path_that_is_no_utf_8(tmp_path):
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.toml"))
    shutil.copy(KITE, file)
    shutil.copy(KITE.with_suffix(".cir"), tmp_path)
    assert "rename" in refused("train", file, "--steps", "1", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


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


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("rule.name", "[]", "rule.name = []"),
        ("rule.name", "{}", "rule.name = {}"),
        ("circuit.netlist", '"a\\u0000.cir"', "'netlist' holds a NUL character"),
        ("task.data", '"a\\u0000.csv"', "'data' holds a NUL character"),
        ("backend.station", '"a\\u0000.toml"', "'station' holds a NUL character"),
        ("ports.outputs", '["a\\u0000"]', "'outputs' holds a NUL character"),
        ("task.targets", "[[1e308, 0, 0]]", "targets reach 1e+308"),
        ("task.inputs", "[[1e160, 0]]", "inputs reach 1e+160"),
        ("circuit.bounds", "[1e-3, 1e308]", "circuit.bounds[1] = 1e+308"),
    ],
)
def test_keys_of_an_experiment(key, value, words):
    for more in ((), ("--rule", "cl")) if key != "rule.name" else ((),):
        assert words in refused("train", KITE, "--no-save", "--set", f"{key}={value}", *more)


@pytest.mark.parametrize("value", ["[" * 9000, "9" * 5000])
def test_toml_that_is_too_deep_or_too_long(tmp_path, value):
    file = tmp_path / "file.toml"
    file.write_text(f"x = {value}\n")
    assert f"{file}: not valid TOML" in refused("show", file)
    with pytest.raises(StationError, match="not valid TOML"):
        load_station(file)
    assert "rule.name" in refused("show", KITE, "--set", f"rule.name={value}")


def test_a_rule_that_is_no_name_in_file_and_override(tmp_path):
    text = KITE.read_text(encoding="utf-8")
    (tmp_path / "kite.toml").write_text(text.replace('name = "ep"', "name = []"), encoding="utf-8")
    assert "rule.name = []" in refused("show", tmp_path / "kite.toml")
    assert load_experiment(tmp_path / "kite.toml", {"rule.name": "cl"}).settings.rule.name == "cl"
    with pytest.raises(ExperimentError, match=r"rule\.name = \['cl'\]"):
        load_experiment(KITE, {"rule.name": ["cl"]})


def test_a_huge_field_of_a_csv_file(tmp_path):
    for name in ("kite.toml", "kite.cir"):
        shutil.copy(ROOT / "netlists" / name, tmp_path)
    text = (tmp_path / "kite.toml").read_text(encoding="utf-8")
    start, end = text.index("inputs = [["), text.index("[rule]")
    (tmp_path / "kite.toml").write_text(text[:start] + 'data = "task.csv"\n' + text[end:], encoding="utf-8")
    for content, line in ((f"VA,VD,T,M,W\n1,0,0.6,0.5,{'4' * 200_000}\n", 2), (f"VA,VD,T,M,{'W' * 200_000}\n1,0,1,1,1\n", 1)):
        (tmp_path / "task.csv").write_text(content)
        assert f"task.csv:{line}: no line of a CSV file: field larger" in refused("train", tmp_path / "kite.toml", "--no-save")
    station = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    (tmp_path / "station.toml").write_text(station + '\n[calibration]\noffsets = "offsets.csv"\n', encoding="utf-8")
    (tmp_path / "offsets.csv").write_text(f"channel,volt\ndaq:101,{'1' * 200_000}\n")
    with pytest.raises(StationError, match=r"offsets\.csv: no CSV file: field larger"):
        load_station(tmp_path / "station.toml")


@pytest.mark.skipif(os.name != "posix", reason="a directory that is in use cannot be deleted elsewhere")
def test_a_deleted_working_directory(tmp_path):
    place = tmp_path / "gone"
    place.mkdir()
    command = ["/bin/sh", "-c", f'cd "{place}" && rmdir "{place}" && exec "$@"', "sh", *COMMAND, "train", str(KITE)]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line for line in done.stderr.splitlines() if "getcwd" not in line] == [
        "error: the working directory cannot be used: No such file or directory; change to another one (cd)"
    ]


def test_a_comparison_that_is_none(run):
    for content in ('{"reference": "a", "rule": "ep", "backends": [{"name": 3}]}', "[" * 100_000, "{}", '{"backends": 1e308}'):
        (run / "comparison.json").write_text(content)
        assert f"{run / 'comparison.json'}: " in refused("report", run)


def test_a_code_table_of_equal_resistances():
    with pytest.raises(StationError, match="not monotone: code 0 is 70 Ω, code 1 is 70 Ω"):
        CodeTable.linear(8, 5e-324, wiper_ohm=70.0)


def test_show_replaces_a_picture_only_if_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = tmp_path / "kite.png"
    picture.write_text("mine")
    done = CliRunner().invoke(app, ["show", str(KITE)])
    assert done.exit_code == 0
    assert "kite.png is there already and is kept; --out FILE" in done.stderr
    assert "drawn in" not in done.stdout
    assert picture.read_text() == "mine"
    assert CliRunner().invoke(app, ["show", str(KITE), "--out", "kite.png"]).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are of POSIX")
@pytest.mark.parametrize(("answer", "kept"), [(b"n\n", True), (b"y\n", False)])
def test_show_asks_on_a_terminal(tmp_path, answer, kept):
    import pty

    picture = tmp_path / "kite.png"
    picture.write_text("mine")
    master, slave = pty.openpty()
    os.write(master, answer)
    command = [*COMMAND, "show", str(KITE), "--json"]
    done = subprocess.run(
        command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=ENVIRONMENT, cwd=tmp_path, check=False, timeout=60
    )
    asked = os.read(master, 65536)
    os.close(slave)
    os.close(master)
    assert done.returncode == 0
    assert b"kite.png is there already; replace it?" in asked
    assert (picture.read_bytes() == b"mine") == kept
    assert json.loads(done.stdout)["picture"] == (None if kept else "kite.png")


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_csv_file_without_commas_is_told_how_to_save_it(tmp_path, mark):
    from hwlearn.errors import TaskError
    from hwlearn.learning.columns import Columns

    file = tmp_path / "d.csv"
    file.write_text(f"x{mark}y\n0,5{mark}0,1\n")
    with pytest.raises(TaskError, match=r"d\.csv:1: its columns are separated by .*; save it with commas"):
        Columns(file)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ("RZ o 0 0\n", "n.cir:4: output 'o' is tied to an input: RZ of 0 Ω fixes it; give RZ a resistance, or read another"),
        ("RZ a o 0\n", "n.cir:4: output 'o' is tied to an input: RZ of 0 Ω fixes it"),
        ("V2 o 0 1\n", "output 'o' is tied to an input: the voltage sources alone fix it; remove it"),
    ],
)
def test_a_wire_at_an_output_is_named(tmp_path, cards, words):
    from hwlearn import Network
    from hwlearn.errors import NetlistError

    file = tmp_path / "n.cir"
    file.write_text(f"* wire\nV1 a 0 1\nR1 a o 1k\n{cards}R2 a o 2k\n.end\n")
    with pytest.raises(NetlistError) as told:
        Network.from_netlist(file, outputs=["o"])
    assert words in str(told.value)
