"""With learning_rate = "auto" all shipped experiments learn by all rules, in at most twice the steps of the best rate."""

import math
import sys
from pathlib import Path

import pytest

from hwlearn.experiments import load_experiment
from hwlearn.learning.rules import RULES

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(file.stem for file in (ROOT / "netlists").glob("*.toml"))


@pytest.fixture(scope="module")
def bench():
    """bench/auto_rate.py."""
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        import auto_rate
    finally:
        sys.path.remove(str(ROOT / "bench"))
    return auto_rate


def test_no_shipped_experiment_has_a_rate():
    for name in SHIPPED:
        table = load_experiment(ROOT / "netlists" / f"{name}.toml").settings.train
        assert table.learning_rate == "auto", name


SLOW = {"xor-board": pytest.mark.slow}  # a netlist of real junctions, 300 steps for each rule


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in SHIPPED])
def test_each_rule_learns_in_the_steps_of_the_file(bench, name, rule):
    experiment = load_experiment(ROOT / "netlists" / f"{name}.toml", {"rule.name": rule})
    found = bench.run(experiment, "auto", experiment.settings.train.steps)
    assert found.steps <= experiment.settings.train.steps
    assert not found.grew or rule == "clamp"  # which follows no gradient far from the targets


@pytest.mark.filterwarnings("ignore::hwlearn.errors.HwlearnWarning")  # of rates that are too large
@pytest.mark.slow  # a scan of rates for each rule, each a training
@pytest.mark.parametrize("name", ["board", "wheatstone"])
def test_at_most_twice_the_steps_of_the_best_rate_of_a_scan(bench, name):
    rows = list(bench.rows([name]))
    assert [row["rule"] for row in rows] == list(RULES)
    for row in rows:
        assert row["auto"] < math.inf
        assert row["ratio"] <= 2, row
