"""A run on a noisy circuit keeps its best confirmed state, and its folder, tables and pictures say of which step."""

import json
from pathlib import Path

import numpy as np
import pytest

from hwlearn import Drive
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.runs import Run
from hwlearn.show.facts.training import run_facts
from hwlearn.show.plots import draw_run
from hwlearn.testing.nodal import modified_nodal

KITE = (Path(__file__).parents[2] / "netlists" / "kite.toml").resolve()
NOISY = """
[imperfect]
seed = 4
noise = { volts = 1e-3 }
quantised = { levels = 64, lowest = 0.2, highest = 3.0 }
"""


def experiment(folder, **settings):
    text = KITE.read_text(encoding="utf-8").replace("kite.cir", str(KITE.with_suffix(".cir")))
    (folder / "kite.toml").write_text(text + NOISY, encoding="utf-8")
    base = {"train.steps": 90, "train.learning_rate": 30.0, "rule.nudge": 1.0, "rule.symmetric": True}
    return load_experiment(folder / "kite.toml", base | {f"train.{key}": value for key, value in settings.items()})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keep")
    made = Run.create(folder / "run", experiment(folder))
    made.go()
    return made


def loss(made, conductances):
    """½ ‖o − y‖² by a dense solve."""
    task = made.experiment.task
    outputs = modified_nodal(made.experiment.network, conductances, Drive(task.inputs)).output_voltages
    return 0.5 * ((outputs - task.targets) ** 2).sum() / len(task)


def last(made):
    """(E,) S of the levels that the last step asked for."""
    step = (3.0 - 0.2) / 63
    return 0.2 + step * np.rint((made.checkpoint["wanted"] - 0.2) / step)


def test_the_folder_says_which_step_was_kept(run):
    kept = run.result["kept_step"]
    assert 0 < kept < run.result["steps"] == 90
    assert run.history.last("end")["kept_step"] == kept
    found = np.array(list(run.result["conductances"].values()))
    assert loss(run, found) < loss(run, last(run)) / 2
    assert ("kept", f"step {kept}, the best that was confirmed") in run_facts(run).sections[0].pairs


def test_the_picture_marks_it(run, tmp_path):
    draw_run(run, tmp_path / "loss.svg", ["loss"])
    assert (tmp_path / "loss.svg").stat().st_size > 10_000


def test_a_run_that_was_cut_off_keeps_the_same(run, tmp_path):
    cut = Run.create(tmp_path / "cut", experiment(tmp_path))
    stop = iter(range(70))

    def interrupted(*_):
        if next(stop, None) is None:
            raise KeyboardInterrupt

    outcome = cut.go(interrupted)
    assert outcome.stopped_because == "interrupted"
    assert 0 < outcome.kept_step < 70
    assert loss(cut, outcome.network.conductances) <= loss(cut, last(Run.load(tmp_path / "cut")))
    Run.load(tmp_path / "cut").resume(overrides={"train.steps": 90})
    result = json.loads((tmp_path / "cut" / "result.json").read_text(encoding="utf-8"))
    assert (result["kept_step"], result["conductances"]) == (run.result["kept_step"], run.result["conductances"])


def test_the_last_state_can_be_asked_for(tmp_path):
    outcome = run_experiment(experiment(tmp_path, keep="last"))
    assert outcome.kept_step == outcome.steps == 90
    with pytest.raises(ExperimentError, match=r"train\.keep"):
        experiment(tmp_path, keep="first")
