"""`hwlearn examples`: what is in netlists/ comes with hwlearn, and trains where it was copied to."""

import tomllib
from pathlib import Path

from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.cli.examples import FOLDER
from hwlearn.testing import CommandContract

ROOT = Path(__file__).parents[2]
NETLISTS = ROOT / "netlists"


class TestExamples(CommandContract):
    name = "examples"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_all_are_listed_with_a_line_each():
    done = run("examples")
    assert done.exit_code == 0
    for file in NETLISTS.glob("*.toml"):
        (line,) = [line for line in done.stdout.splitlines() if line.split()[:1] == [file.name]]
        assert len(line.split()) > 4


def test_copies_are_whole_and_train(tmp_path):
    folder = tmp_path / "new" / "mine"
    assert run("examples", folder).exit_code == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {f.name: f.read_bytes() for f in NETLISTS.iterdir()}
    for name in ("kite", "regression"):
        assert run("train", folder / f"{name}.toml", "--steps", 1, "--no-save").exit_code == 0


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "kite.toml").write_text("mine")
    done = run("examples", tmp_path)
    assert done.exit_code == 2
    assert "kite.toml is there already; name a new folder" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["kite.toml"]


def test_the_wheel_has_them_where_the_command_looks():
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["force-include"] == {"netlists": f"hwlearn/{FOLDER}"}


def test_those_of_the_installed_package_come_first(tmp_path, monkeypatch):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "one.toml").write_text("# Of the wheel.\n")
    monkeypatch.setattr("hwlearn.cli.examples.files", lambda package: tmp_path)
    assert "Of the wheel." in run("examples").stdout
    monkeypatch.setattr("hwlearn.cli.examples.files", lambda package: tmp_path / "none")
    assert "netlists/ of its repository" in run("examples").stderr
