"""`hwlearn runs` and `hwlearn plot`; the predicted decay beside the one that runs show."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.experiments.runs import Run, find_runs
from hwlearn.show.plots import draw_run, draw_runs
from hwlearn.show.plots.runs import PANELS, labels

NETLISTS = Path(__file__).parents[2] / "netlists"
KITE = NETLISTS / "kite.toml"


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def trained(folder, overrides=None, file=KITE):
    run = Run.create(folder, load_experiment(file, {"train.steps": 30, **(overrides or {})}))
    run.go()
    return run


def killed(run, folder):
    """The run as it would be had its process been killed after the last step."""
    shutil.copytree(run.folder, folder)
    (folder / "result.json").unlink()
    return Run.load(folder)


def size(png):
    return tuple(np.frombuffer(Path(png).read_bytes()[16:24], dtype=">u4").tolist())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("finished") / "kite", {"train.steps": 1000})


def observed_decay(outcome):
    """Over the last third."""
    at, logs = outcome.progress, np.log(outcome.losses)
    middle = int(np.searchsorted(at, at[-1] * 2 / 3))
    return -(logs[-1] - logs[middle]) / (at[-1] - at[middle])


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"rule.name": "cl", "train.learning_rate": 1.0},
        {"rule.name": "al", "train.learning_rate": 0.3},
        {"rule.name": "clamp", "train.learning_rate": 1.0},
        {"rule.name": "dual-cl", "train.learning_rate": 1.0},
        {"train.parameter": "log-conductance"},
        {"train.optimizer": "momentum", "train.learning_rate": 0.3},
        {"circuit.bounds": [0.9, 1.7]},
    ],
    ids=lambda overrides: " ".join(map(str, overrides.values())) or "ep",
)
def test_the_loss_decays_as_predicted(overrides):
    outcome = run_experiment(load_experiment(KITE, {"train.steps": 1500, "train.stop_loss": 1e-24, **overrides}))
    predicted = predicted_decay(load_experiment(KITE, overrides), outcome.network.conductances)
    assert predicted == pytest.approx(observed_decay(outcome), rel=0.01)


def test_a_learning_rate_above_the_limit_is_seen_in_the_prediction():
    experiment = load_experiment(KITE)
    solution = run_experiment(experiment).network.conductances
    assert predicted_decay(load_experiment(KITE, {"train.learning_rate": 13.9}), solution) > 0
    assert predicted_decay(load_experiment(KITE, {"train.learning_rate": 14.2}), solution) < 0
    momentum = {"train.optimizer": "momentum"}  # stable up to 2 (1 + μ)/λ_max
    assert predicted_decay(load_experiment(KITE, {**momentum, "train.learning_rate": 26.5}), solution) > 0
    assert predicted_decay(load_experiment(KITE, {**momentum, "train.learning_rate": 26.9}), solution) < 0
    with pytest.raises(HwlearnError, match="adam"):
        predicted_decay(load_experiment(KITE, {"train.optimizer": "adam"}))


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    text = KITE.read_text(encoding="utf-8")
    (folder / "flow.toml").write_text(text[: text.index("[train]")] + "[flow]\nt_end = 1e4\nstop_loss = 1e-8\n")
    shutil.copy(NETLISTS / "kite.cir", folder)
    run = Run.create(folder / "run", load_experiment(folder / "flow.toml"))
    run.go()
    return run


def test_a_flow_decays_as_predicted_and_stops_at_its_loss(flown):
    assert flown.state == "loss"
    logs, at = np.log(flown.history.losses), flown.history.at
    half = len(at) // 2
    observed = -(logs[-1] - logs[half]) / (at[-1] - at[half])
    assert predicted_decay(flown.experiment, flown.network.conductances) == pytest.approx(observed, rel=0.02)


def test_the_table_has_finished_killed_and_broken_runs(tmp_path, finished):
    shutil.copytree(finished.folder, tmp_path / "deep" / "kite")
    killed(finished, tmp_path / "dead")
    for name, content in (("torn", '{"experiment": "a'), ("strange", "{}"), ("list", "[1]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)
    result = command("runs", tmp_path, "--json")
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    done, dead = sorted(content["runs"], key=lambda run: run["name"], reverse=True)
    outcome = json.loads((finished.folder / "result.json").read_text())
    assert (done["name"], done["state"], done["steps"]) == (str(Path("deep", "kite")), "steps", 1000)
    assert (done["loss_initial"], done["loss"], done["loss_unit"]) == (outcome["loss_initial"], outcome["loss_final"], "V²")
    assert (dead["name"], dead["state"], dead["steps"]) == ("dead", "killed", 1000)
    assert dead["loss"] == pytest.approx(outcome["loss_final"], rel=1e-9)
    assert set(content["broken"]) == {"torn", "strange", "list"}
    assert all(str(tmp_path / name) in result.stderr for name in content["broken"])
    table = command("runs", tmp_path).stdout
    assert all(word in table for word in ("deep", "dead", "killed", "ep", "exact", "1000", "Kite"))


def test_a_run_folder_lists_itself_and_no_folder_is_an_error(tmp_path, finished):
    assert [run.name for run in find_runs(finished.folder).runs] == ["kite"]
    assert "no run folder" in command("runs", tmp_path).stderr
    result = command("runs", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "none: no such folder; `hwlearn train" in result.stderr


def test_one_run_is_drawn_in_panels(tmp_path, finished):
    assert command("plot", finished.folder).exit_code == 0
    assert size(finished.folder / "plot.png") == (1920, 2070)
    draw_run(finished, tmp_path / "run.svg", ["residuals"])
    assert "<svg" in (tmp_path / "run.svg").read_text()
    draw_run(killed(finished, tmp_path / "dead"), tmp_path / "dead.png")
    assert size(tmp_path / "dead.png") == (1920, 1380)  # outputs are not measured yet


def test_a_run_without_a_step_is_drawn(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(KITE))
    draw_run(run, tmp_path / "none.png")
    assert size(tmp_path / "none.png") == (1920, 690)


def test_the_predicted_line_meets_the_losses_and_goes_on_like_them(finished):
    axes = Figure().add_subplot()
    PANELS["loss"](axes, finished)
    observed, predicted = (line.get_ydata() for line in axes.lines[:2])
    assert predicted[-1] == pytest.approx(observed[-1])
    np.testing.assert_allclose(np.diff(np.log(predicted)), np.log(observed[-1] / observed[-101]) / 100, rtol=0.01)


def test_noise_shows_as_a_floor_of_the_loss(tmp_path, finished):
    """Readings of an error that is only noise σ make a loss of ½ n_out σ²."""
    run = killed(finished, tmp_path / "noisy")
    path = run.folder / "journal.jsonl"
    path.write_text(path.read_text().replace('"noise": 0.0', '"noise": 0.001'))
    axes = Figure().add_subplot()
    PANELS["loss"](axes, run)
    floor = next(line for line in axes.lines if "noise" in line.get_label())
    assert floor.get_ydata()[0] == pytest.approx(0.5 * 3 * 1e-6)


def test_several_runs_are_told_apart(tmp_path, finished):
    runs = [trained(tmp_path / f"run{k}", {"train.learning_rate": rate}) for k, rate in enumerate((1.0, 2.0))]
    assert labels(runs) == ["learning_rate 1.0", "learning_rate 2.0"]
    other = trained(tmp_path / "cl", {"rule.name": "cl", "train.learning_rate": 2.0})
    assert labels([runs[1], other]) == ["rule ep, nudge 0.01", "rule cl, nudge none"]
    again = trained(tmp_path / "again", {"train.learning_rate": 2.0})
    assert labels([runs[1], again]) == ["run1", "again"]
    assert labels([*runs, again]) == ["learning_rate 1.0", "run1: learning_rate 2.0", "again: learning_rate 2.0"]
    picture = tmp_path / "losses.png"
    assert command("plot", *(run.folder for run in (*runs, other, again)), "--out", picture).exit_code == 0
    assert size(picture) == (1275, 810)


def test_a_flow_and_steps_are_not_drawn_together(tmp_path, finished, flown):
    with pytest.raises(HwlearnError, match="plot them apart"):
        draw_runs([finished, flown], tmp_path / "both.png")


def test_errors_say_what_to_do(tmp_path, finished):
    for folder, why in ((tmp_path / "none", "no such folder"), (tmp_path, "no run.json")):
        result = command("plot", folder)
        assert result.exit_code == 2
        assert f"{folder}: not a run folder" in result.stderr
        assert why in result.stderr
    assert "cannot be written" in command("plot", finished.folder, "--out", tmp_path / "no" / "a.png").stderr
    result = command("plot", finished.folder, finished.folder, "--experiment", KITE)
    assert "--experiment is for one run" in result.stderr


def test_a_moved_experiment_file_may_be_named_by_an_option_and_a_changed_one_is_refused(tmp_path):
    home, moved = tmp_path / "home", tmp_path / "moved"
    home.mkdir()
    for name in ("kite.toml", "kite.cir"):
        shutil.copy(NETLISTS / name, home)
    folder = trained(tmp_path / "run", file=home / "kite.toml").folder
    home.rename(moved)
    assert command("plot", folder).exit_code == 0
    assert command("plot", folder, "--experiment", moved / "kite.toml").exit_code == 0
    netlist = moved / "kite.cir"
    netlist.write_text(netlist.read_text().replace("RTM T M 1", "RTM T M 2"))
    with pytest.raises(ExperimentError, match="the network changed"):
        _ = Run.load(folder, moved / "kite.toml").network
