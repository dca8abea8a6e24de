"""A run folder that was moved, its originals deleted, still says all and goes on; its copies are checked."""

import json

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run

EXPERIMENT = """
[circuit]
netlist = "divider.cir"
[ports]
inputs = ["V1"]
outputs = ["b"]
[task]
data = "data.csv"
input_columns = ["x"]
target_columns = ["y"]
[rule]
name = "ep"
[train]
steps = 20
learning_rate = 1e-7
"""


@pytest.fixture
def moved(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "divider.cir").write_text("divider\nV1 a 0 1\n.include rest.inc\n")
    (home / "rest.inc").write_text("R1 a b 1k\nR2 b 0 1k\n")
    (home / "data.csv").write_text("x,y\n1.0,0.6\n")
    (home / "e.toml").write_text(EXPERIMENT)
    Run.create(home / "run", load_experiment(home / "e.toml")).go()
    (home / "run").rename(tmp_path / "elsewhere")
    for file in home.iterdir():
        file.unlink()
    return tmp_path / "elsewhere"


def test_a_moved_run_without_its_originals_is_listed_plotted_reported_exported_and_resumed(moved):
    for command in (["plot"], ["report"], ["export", "--to", "netlist"], ["resume", "--steps", "30"]):
        done = CliRunner().invoke(app, [command[0], str(moved), *command[1:]])
        assert done.exit_code == 0, done.stderr
        assert "is gone; the copies in the run folder are used" in done.stderr
    listed = CliRunner().invoke(app, ["runs", str(moved), "--json"])
    assert [one["steps"] for one in json.loads(listed.stdout)["runs"]] == [30]


def test_a_copy_that_is_not_what_its_hash_says_is_refused(moved):
    for file in (moved / "files").iterdir():
        file.write_bytes(b"other")
    with pytest.raises(ExperimentError, match="damaged: not what"):
        Run.load(moved).experiment  # noqa: B018


def test_a_copy_that_is_a_link_is_refused(moved, tmp_path):
    for file in (moved / "files").iterdir():
        file.rename(tmp_path / file.name)
        file.symlink_to(tmp_path / file.name)
    with pytest.raises(ExperimentError, match="is a link"):
        Run.load(moved).experiment  # noqa: B018
