"""A training that is killed, or finds the disk full, loses one step at most and ends with the same numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from effort import tries
from processes import ENVIRONMENT, PATIENCE
from test_runs_resume import GRID

from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def grid_file(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(GRID.format(steps=2000))
    return file


FULL = """
import resource, sys
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
run = Run.create(sys.argv[2], load_experiment(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
run.go()
"""


@pytest.mark.skipif(os.name != "posix", reason="file size limits of POSIX")
def test_a_full_disk_leaves_the_last_checkpoint(grid_file, tmp_path):
    command = [sys.executable, "-c", FULL, str(grid_file), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert "ExperimentError" in done.stderr
    assert "the last checkpoint is whole: make room" in done.stderr
    rest = Run.load(tmp_path / "run").resume()
    whole = run_experiment(load_experiment(grid_file))
    assert rest.network.conductances.tobytes() == whole.network.conductances.tobytes()


NOISELESS = (("noise_v = 20e-6\nlsb_v = 5e-6\n", ""), ("repeats = 8", "repeats = 2"))


def killed(tmp_path, file, overrides, count):
    """What tests/support/killer.py found."""
    command = [
        sys.executable,
        str(ROOT / "tests" / "support" / "killer.py"),
        str(file),
        json.dumps(overrides),
        str(tmp_path),
        str(tries(count)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=tries(250), env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(("backend", "steps", "count", "tolerance"), [("exact", 1500, 8, 0), ("ngspice", 200, 6, 1e-10)])
def test_kill_9_at_any_moment_loses_one_step_at_most(tmp_path, backend, steps, count, tolerance):
    file = tmp_path / "grid.toml"
    file.write_text(GRID.format(steps=steps))
    check_killed(killed(tmp_path, file, {"backend.name": backend}, count), steps, tolerance)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_kill_9_on_the_virtual_bench(tmp_path):
    station = tmp_path / "station.toml"
    text = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")
    for old, new in NOISELESS:
        assert old in text
        text = text.replace(old, new)
    station.write_text(text, encoding="utf-8")
    overrides = {"backend.name": "bench", "backend.station": str(station), "train.steps": 25, "train.stop_loss": 1e-30}
    check_killed(killed(tmp_path, ROOT / "netlists" / "allostery-bench.toml", overrides, 6), 25, 0)


def check_killed(found, steps, tolerance):
    for one in found["killed"]:
        assert one["steps"] <= 1
        assert one["end"] == list(range(steps + 1))
        assert one["g"] == pytest.approx(found["whole"], rel=tolerance, abs=0)
    assert sum(one["cut"] for one in found["killed"]) > len(found["killed"]) / 2
