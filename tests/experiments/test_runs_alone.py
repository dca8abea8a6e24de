"""A run folder that was moved, its originals changed or deleted, still says all and goes on; its copies are checked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, HwlearnWarning, StationError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run, copies
from hwlearn.experiments.sweeps import run_sweep

ROOT = Path(__file__).parents[2]
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
LAW = """
from hwlearn.network.devices import IVTable
from hwlearn.network.devices.points import read_points
from pathlib import Path

POINTS = read_points(Path(__file__).with_name("points.csv"))

from hwlearn.learning.rules import EquilibriumPropagation

class Mine(EquilibriumPropagation):
    name = "mine"
"""
COMMANDS = (
    ("plot",),
    ("report",),
    *(("export", "--to", to) for to in ("netlist", "csv", "networkx", "netcdf")),
)


def written(home):
    home.mkdir()
    (home / "divider.cir").write_text("divider\nV1 a 0 1\n.include rest.inc\n")
    (home / "rest.inc").write_text("R1 a b 1k\nR2 b 0 1k\n")
    (home / "data.csv").write_text("x,y\n1.0,0.6\n")
    (home / "e.toml").write_text(EXPERIMENT)
    return home / "e.toml"


def emptied(home):
    for file in home.iterdir():
        file.unlink()


@pytest.fixture
def moved(tmp_path):
    Run.create(tmp_path / "run", load_experiment(written(tmp_path / "home"))).go()
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    emptied(tmp_path / "home")
    return tmp_path / "elsewhere"


def invoked(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr
    return done


def stands_alone(folder, steps, commands=(("export", "--to", "netlist"),)):
    """Whatever can be asked of a run of 20 steps works in this folder, and it goes on."""
    for command, *options in commands:
        assert "gone" not in invoked(command, folder, *options).stderr
    done = invoked("resume", folder, "--steps", steps)
    assert "changed or gone since: the run goes on with its copies" in done.stderr
    assert json.loads((folder / "result.json").read_text())["steps"] == steps
    [one] = json.loads(invoked("runs", folder, "--json").stdout)["runs"]
    assert one["steps"] == steps


def test_a_moved_run_without_its_originals_is_listed_plotted_reported_exported_and_resumed(moved):
    stands_alone(moved, 30, COMMANDS)
    assert {file.name for file in (moved / "files").iterdir()} == {
        *json.loads((moved / "run.json").read_text())["files"].values()
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rest.inc", "R1 a b 2k\nR2 b 0 1k\nR3 b 0 5k\n"),
        ("data.csv", "x,y\n1.0,0.7\n2.0,1.0\n"),
        ("e.toml", EXPERIMENT.replace("1e-7", "3e-7")),
        ("e.toml", "not TOML"),
    ],
)
def test_a_changed_original_changes_nothing(tmp_path, name, content):
    whole = Run.create(tmp_path / "whole", load_experiment(written(tmp_path / "home"), {"train.steps": 30}))
    whole.go()
    Run.create(tmp_path / "run", load_experiment(tmp_path / "home" / "e.toml")).go()
    (tmp_path / "home" / name).write_text(content)
    stands_alone(tmp_path / "run", 30)
    np.testing.assert_array_equal(Run.load(tmp_path / "run").network.conductances, whole.network.conductances)


def test_a_changed_original_is_taken_if_asked_and_kept_from_then_on(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(written(tmp_path / "home")))
    run.go()
    (tmp_path / "home" / "data.csv").write_text("x,y\n1.0,0.4\n")
    Run.load(run.folder).resume(changed=True, overrides={"train.steps": 30})
    emptied(tmp_path / "home")
    assert Run.load(run.folder).experiment.task.targets.tolist() == [[0.4]]


def test_code_and_the_points_that_it_reads_are_copied_and_run_when_trusted(tmp_path):
    file = written(tmp_path / "home")
    file.write_text(EXPERIMENT.replace('"ep"', '"law:Mine"'))
    (tmp_path / "home" / "law.py").write_text(LAW)
    (tmp_path / "home" / "points.csv").write_text("volts,amperes\n0,0\n1,1e-3\n")
    run = Run.create(tmp_path / "run", load_experiment(file, trust_code=True))
    run.go()
    emptied(tmp_path / "home")
    kept = {Path(path).name for path in run.info["files"]}
    assert kept == {"e.toml", "divider.cir", "rest.inc", "data.csv", "law.py", "points.csv"}
    with pytest.raises(ExperimentError, match="is code from a file; say --trust-code"):
        Run.load(run.folder).experiment  # noqa: B018
    invoked("resume", run.folder, "--steps", 30, "--trust-code")
    assert Run.load(run.folder, trust_code=True).experiment.rule.name == "mine"


def test_a_moved_sweep_keeps_each_file_once_and_its_cells_stand_alone(tmp_path):
    file = written(tmp_path / "home")
    (tmp_path / "home" / "sweep.toml").write_text(
        'experiment = "e.toml"\n[grid]\n"train.learning_rate" = [1e-7, 2e-7, 3e-7]\n'
    )
    run_sweep(tmp_path / "home" / "sweep.toml", tmp_path / "cells", jobs=1)
    assert len(list((tmp_path / "cells" / "files").iterdir())) == 4
    assert not list((tmp_path / "cells").glob("*/files"))
    (tmp_path / "cells").rename(tmp_path / "elsewhere")
    emptied(file.parent)
    cells = sorted(path.parent for path in (tmp_path / "elsewhere").glob("*/run.json"))
    assert len(cells) == 3
    stands_alone(cells[0], 30, COMMANDS[:2])
    stands_alone(cells[1], 30)
    shutil.rmtree(tmp_path / "elsewhere" / "files")
    with pytest.raises(ExperimentError, match=r"nor the sweep's copies in .*files: move the sweep's folder whole"):
        Run.load(cells[0]).experiment  # noqa: B018


def test_a_moved_bench_run_stands_alone_with_its_station_and_the_one_that_it_is_made_of(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for name in ("allostery-bench.cir", "allostery-bench.toml"):
        shutil.copy(ROOT / "netlists" / name, home)
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    (home / "true.toml").write_text(text, encoding="utf-8")
    before, after = text.split("\n[virtual]\n")
    rest = after[after.index("\n[") :] if "\n[" in after else ""
    (home / "station.toml").write_text(f'{before}\n[virtual]\nstation = "true.toml"\n{rest}', encoding="utf-8")
    overrides = {"backend.name": "bench", "backend.station": "station.toml", "train.steps": 20, "train.stop_loss": 1e-30}
    Run.create(tmp_path / "run", load_experiment(home / "allostery-bench.toml", overrides)).go()
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    emptied(home)
    stands_alone(tmp_path / "elsewhere", 22, COMMANDS[:2])


def test_a_bench_goes_on_by_the_station_file_as_it_is_now(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for name in ("allostery-bench.cir", "allostery-bench.toml"):
        shutil.copy(ROOT / "netlists" / name, home)
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    (home / "station.toml").write_text(text, encoding="utf-8")
    overrides = {"backend.name": "bench", "backend.station": "station.toml", "train.steps": 2}
    run = Run.create(tmp_path / "run", load_experiment(home / "allostery-bench.toml", overrides))
    run.go()
    assert "v_node_max = " in text
    before = next(line for line in text.splitlines() if line.startswith("v_node_max"))
    (home / "station.toml").write_text(text.replace(before, "v_node_max = 1e-3"), encoding="utf-8")
    (home / "allostery-bench.toml").unlink()  # even where the experiment file is gone
    with (
        pytest.raises(StationError, match=r"beyond limits\.v_node_max = 0\.001 V"),
        pytest.warns(HwlearnWarning, match="goes on with its copies"),
    ):
        Run.load(run.folder).resume(overrides={"train.steps": 4})


def test_a_moved_bench_run_goes_on_with_another_station_and_its_table(tmp_path):
    home, there = tmp_path / "home", tmp_path / "there"
    home.mkdir()
    there.mkdir()
    for name in ("allostery-bench.cir", "allostery-bench.toml"):
        shutil.copy(ROOT / "netlists" / name, home)
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    (home / "station.toml").write_text(text, encoding="utf-8")
    overrides = {"backend.name": "bench", "backend.station": "station.toml", "train.steps": 2}
    run = Run.create(tmp_path / "run", load_experiment(home / "allostery-bench.toml", overrides))
    run.go()
    emptied(home)
    offsets = '\n[calibration]\noffsets = "offsets.csv"\n'
    (there / "station.toml").write_text(text + offsets, encoding="utf-8")
    (there / "offsets.csv").write_text("channel,volt\ndaq:101,0\n")
    with pytest.warns(HwlearnWarning, match="goes on with its copies"):
        Run.load(run.folder).resume(overrides={"backend.station": str(there / "station.toml"), "train.steps": 3})
    emptied(there)
    experiment = Run.load(run.folder).experiment
    with experiment.named():
        assert experiment.backend().load(home).offsets


def test_more_than_a_gigabyte_is_not_copied_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "LARGEST", 50)
    with pytest.warns(HwlearnWarning, match="are copied; keep them where they are"):
        run = Run.create(tmp_path / "run", load_experiment(written(tmp_path / "home")))
    assert run.info["files"] == {}
    run.go()
    assert Run.load(run.folder).experiment.task.targets.tolist() == [[0.6]]


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


@pytest.mark.parametrize("place", ["../../elsewhere", "/etc", "..", ""])
def test_a_store_elsewhere_is_refused(moved, place):
    info = json.loads((moved / "run.json").read_text())
    (moved / "run.json").write_text(json.dumps(info | {"store": place}))
    with pytest.raises(ExperimentError, match=r"run\.json: .*store"):
        Run.load(moved)
