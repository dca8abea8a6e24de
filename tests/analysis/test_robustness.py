"""`hwlearn robustness`, and remedies in an experiment file."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwlearn import Task
from hwlearn.analysis.imperfections import IMPERFECTIONS
from hwlearn.analysis.robustness import robustness
from hwlearn.cli import app
from hwlearn.errors import ExperimentError, HwlearnError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.learning.remedies import Overclamped, Thresholded
from hwlearn.learning.rules import CoupledLearning, EquilibriumPropagation
from hwlearn.network.builders import grid

NETLISTS = Path(__file__).parents[2] / "netlists"
GRID = grid(3, 3, np.random.default_rng(0).uniform(0.5, 2, 12), outputs=["n1_1", "n0_2"])
TASK = Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.47, 0.56]])


REMEDIES = {"none", "symmetric", "overclamped", "thresholded", "momentum"}


def test_floors_are_as_predicted_and_remedies_lower_them() -> None:
    kinds = ["noise", "update bias", "tolerance"]
    found = robustness(GRID, TASK, EquilibriumPropagation(0.1), only=kinds, sizes=1, steps=200)
    assert [case.imperfection for case in found.cases] == kinds
    for case in found.cases:
        assert set(case.losses) == set(case.wander) == REMEDIES | ({"identified"} if case.imperfection != "noise" else set())
        if case.predicted is not None and case.predicted > 100 * found.perfect:
            assert case.losses["none"] == pytest.approx(case.predicted, rel=0.5)  # one short noisy run
        if case.imperfection == "tolerance":
            assert case.predicted is None
            assert case.losses["none"] < 1e-6  # learned away
    noisy, biased, _ = found.cases
    assert noisy.losses["symmetric"] < noisy.losses["none"]
    assert biased.losses["overclamped"] < biased.losses["none"] / 3
    assert biased.losses["momentum"] < biased.losses["none"] / 30
    assert biased.losses["identified"] < biased.losses["none"] / 5
    assert biased.wander["overclamped"] < biased.wander["none"]


def test_robustness_command(tmp_path: Path) -> None:
    out = tmp_path / "found"
    arguments = ["robustness", str(NETLISTS / "wheatstone.toml"), "--sizes", "1", "--steps", "40", "--seed", "1"]
    result = CliRunner().invoke(app, [*arguments, "--json", "--out", str(out)])
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert [case["imperfection"] for case in content["cases"]] == list(IMPERFECTIONS)
    assert json.loads((out / "robustness.json").read_text(encoding="utf-8")) == content
    assert (out / "robustness.png").stat().st_size > 10_000
    table = CliRunner().invoke(app, [*arguments, "--only", "offset, noise"])
    assert table.exit_code == 0
    assert "overclamped" in table.stdout
    assert "drift" not in table.stdout
    assert CliRunner().invoke(app, [*arguments, "--only", "rust"]).exit_code == 2


def test_remedies_in_an_experiment_file(tmp_path: Path) -> None:
    text = (NETLISTS / "kite.toml").read_text(encoding="utf-8").replace("kite.cir", str(NETLISTS / "kite.cir"))
    with_remedies = tmp_path / "kite.toml"
    with_remedies.write_text(text.replace("[rule]", "[rule]\npush = 1e-3\nrest = 1e-4"), encoding="utf-8")
    overrides = {"rule.push": 1e-3, "rule.rest": 1e-4, "rule.threshold": 1e-6, "train.steps": 5}
    experiment = load_experiment(NETLISTS / "kite.toml", overrides)
    rule = experiment.rule
    assert isinstance(rule, Thresholded)
    assert isinstance(rule.rule, Overclamped)
    assert (rule.rule.push, rule.rule.rest, rule.threshold) == (1e-3, 1e-4, 1e-6)
    assert run_experiment(experiment).steps == 5
    with pytest.raises(ExperimentError, match="push and rest together"):
        load_experiment(NETLISTS / "kite.toml", {"rule.push": 1e-3})
    assert isinstance(load_experiment(with_remedies, {"rule.name": "cl"}).rule, CoupledLearning)  # they belong to ep
    with pytest.raises(ExperimentError, match="observes voltages"):
        load_experiment(NETLISTS / "kite.toml", {"rule.name": "al", "rule.push": 1e-3, "rule.rest": 1e-4}).rule  # noqa: B018


def test_nonsense_is_refused() -> None:
    with pytest.raises(HwlearnError, match="no imperfection"):
        robustness(GRID, TASK, EquilibriumPropagation(), only=["rust"])
    with pytest.raises(HwlearnError, match="not stable"):
        robustness(GRID, TASK, EquilibriumPropagation(), learning_rate=1e6)
    with pytest.raises(HwlearnError, match="20 or more"):
        robustness(GRID, TASK, EquilibriumPropagation(), steps=3)
