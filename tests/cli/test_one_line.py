"""What cannot be read or done ends a command with one line, which says where and why."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from processes import COMMAND, ENVIRONMENT, Terminal, ended
from refusals import refused
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, StationError
from hwlearn.experiments import load_experiment
from hwlearn.lab.station import load_station
from hwlearn.lab.station.tables import CodeTable

ROOT = Path(__file__).parents[2]
KITE = ROOT / "netlists" / "kite.toml"


def test_an_experiment_that_is_no_utf_8(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert "latin.toml: not UTF-8" in refused("train", tmp_path / "latin.toml", "--no-save")


@pytest.mark.skipif(os.name != "posix", reason="file names of POSIX")
def test_a_path_that_is_no_utf_8(tmp_path):
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.toml"))
    shutil.copy(KITE, file)
    shutil.copy(KITE.with_suffix(".cir"), tmp_path)
    assert "rename" in refused("train", file, "--steps", "1", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


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
@pytest.mark.parametrize(("answer", "kept"), [("n\n", True), ("y\n", False)])
def test_show_asks_on_a_terminal(tmp_path, answer, kept):
    picture = tmp_path / "kite.png"
    picture.write_text("mine")
    with Terminal() as terminal:
        terminal.type(answer)
        streams = {"stdin": terminal.end, "stdout": subprocess.PIPE, "stderr": terminal.end}
        done = subprocess.Popen([*COMMAND, "show", str(KITE), "--json"], env=ENVIRONMENT, cwd=tmp_path, **streams)
        out, _ = ended(done)
    assert done.returncode == 0
    assert "kite.png is there already; replace it?" in terminal.shown
    assert (picture.read_bytes() == b"mine") == kept
    assert json.loads(out)["picture"] == (None if kept else "kite.png")


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
