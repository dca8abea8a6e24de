"""Before a training: its rate, the steps it will need, what stands in the way; in a line each, and in JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn import Drive
from hwlearn.cli import app
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.experiments.forecast import forecast

NETLISTS = Path(__file__).parents[2] / "netlists"
KITE = NETLISTS / "kite.toml"
SHIPPED = sorted(file.stem for file in NETLISTS.glob("*.toml"))


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in ("train", *arguments, "--no-save")])


@pytest.mark.parametrize("rule", ["ep", "cl", "al", "clamp"])
@pytest.mark.parametrize("name", ["kite", "ladder"])
def test_steps_are_those_that_the_training_takes(name, rule):
    goal = 1e-10 if rule != "al" else {"kite": 1e-10, "ladder": 1e-16}[name]
    experiment = load_experiment(NETLISTS / f"{name}.toml", {"rule.name": rule, "train.stop_loss": goal, "train.steps": 2000})
    ahead, outcome = forecast(experiment), run_experiment(experiment)
    assert outcome.stopped_because == "loss"
    assert 0.5 < ahead.steps / outcome.steps < 2
    assert not ahead.warnings


def test_the_command_says_it_before_it_trains():
    result = command(KITE, "--steps", 5, "--json")
    first, *others = result.stderr.splitlines()
    assert first.startswith("learning rate auto: 11.9 at the start, by the exact model, taken anew as it goes; about ")
    assert first.endswith("steps are predicted to 1e-12 V²")
    content = json.loads(result.stdout)
    assert [f"warning: {warning}" for warning in content["warnings"]] == others
    assert content["forecast"]["to_loss"] == 1e-12
    assert 200 < content["forecast"]["predicted_steps"] < 1000


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_experiments_are_not_warned_of(name):
    experiment = load_experiment(NETLISTS / f"{name}.toml")
    ahead = forecast(experiment)
    assert ahead.warnings == ()
    assert ahead.rate.startswith("learning rate auto")


WARNED = [
    ({"train.steps": 20}, "steps are predicted to 1e-12 V², and 20 are asked for: raise train.steps"),
    ({"train.steps": 500, "train.learning_rate": 1e-3}, "500 are asked for: leave train.learning_rate out, raise train.steps"),
    ({"train.learning_rate": 15.0}, "learning_rate = 15 is above the limit near the solution: leave it out"),
    ({"task.targets": [[1.2, 0.5, 0.4]]}, "the targets are out of reach: output T of sample 0: 1.2 V lies outside 0 … 1 V"),
    ({"circuit.bounds": [0.99, 1.71]}, "the targets are out of reach: no search met them"),
]


@pytest.mark.parametrize(("overrides", "words"), WARNED)
def test_what_stands_in_the_way_is_one_line(overrides, words):
    (warning,) = forecast(load_experiment(KITE, overrides)).warnings
    assert words in warning
    assert "\n" not in warning


def test_a_stop_loss_that_can_be_reached_is_enough():
    """Targets out of reach, and a loss that is not."""
    overrides = {"task.targets": [[1.001, 0.5, 0.4]], "train.stop_loss": 1e-1}
    assert forecast(load_experiment(KITE, overrides)).warnings == ()


def test_a_loss_that_grows_is_told_once_and_in_json():
    result = command(KITE, "--steps", 60, "--set", "train.learning_rate=40", "--set", "train.stop_loss=1e-3", "--json")
    lines = [line for line in result.stderr.splitlines() if "the loss grew" in line]
    assert len(lines) == 1
    assert lines[0].endswith("is too large here; give less, or leave it out (auto)")
    assert lines[0].removeprefix("warning: ") in json.loads(result.stdout)["warnings"]


def test_without_a_model_or_in_continuous_time_nothing_is_said(tmp_path):
    text = KITE.read_text(encoding="utf-8").replace("kite.cir", str(NETLISTS / "kite.cir"))
    (tmp_path / "flow.toml").write_text(text[: text.index("[train]")] + "[flow]\nt_end = 1.0\n", encoding="utf-8")
    ahead = forecast(load_experiment(tmp_path / "flow.toml"))
    assert (str(ahead), ahead.warnings) == ("", ())


BENCH = {"backend.name": "bench", "backend.station": str(NETLISTS.parent / "stations" / "allostery.toml")}


@pytest.mark.parametrize(
    ("file", "overrides", "noise"),
    [
        # two nodes, each 20 µV and a least count of 5 µV, averaged over 8 readings
        (NETLISTS / "allostery-bench.toml", BENCH, 0.5 * 2 * (400e-12 + 25e-12 / 12) / 8),
        (KITE, {"imperfect.noise.volts": 1e-4}, 0.5 * 3 * 1e-8),
    ],
)
def test_a_loss_that_noise_hides_is_told_and_no_steps_to_it(file, overrides, noise):
    ahead = forecast(load_experiment(file, {**overrides, "train.stop_loss": 1e-30}))
    assert str(ahead).startswith("learning rate auto")
    assert "predicted" not in str(ahead)
    (warning,) = ahead.warnings
    assert warning.startswith(
        f"stop_loss = 1e-30 V² is less than what the noise of readings alone makes of a loss, {noise:.2g} V²"
    )
    above = forecast(load_experiment(file, {**overrides, "train.stop_loss": 1.5 * noise}))
    assert (above.steps > 0, above.warnings) == (True, ())


def test_what_noise_makes_of_a_loss_is_read_at_a_solution():
    """Half the sum of the squares, of three outputs read with 10 mV, over many readings."""
    experiment = load_experiment(KITE, {"imperfect.noise.volts": 1e-2})
    with experiment.circuit("exact") as circuit:
        free = circuit.measure(Drive(np.tile(experiment.task.inputs, (4000, 1)))).output_voltages
        with experiment.circuit("exact", imperfect=False) as still:
            true = still.measure(Drive(experiment.task.inputs)).output_voltages
    loss = 0.5 * ((free - true) ** 2).sum(axis=1).mean()
    assert loss == pytest.approx(0.5 * 3 * experiment.reading_noise() ** 2, rel=0.1)


def test_without_a_goal_of_its_own_a_noisy_training_is_predicted_to_its_noise():
    experiment = load_experiment(KITE, {"imperfect.noise.volts": 0.05, "train.stop_loss": None})
    assert forecast(experiment).goal == pytest.approx(0.5 * 3 * 0.05**2)
