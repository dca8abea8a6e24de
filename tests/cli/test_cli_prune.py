"""`hwlearn design --prune`: what it leaves is trained as it is, in as many steps as it says, from as large an error."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pruned") / "run"
    settings = ["--set", "train.stop_loss=1e-10"]
    result = run("train", ROOT / "netlists" / "allostery.toml", "--out", folder, *settings)
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("edges", [[], ["--edges", 19]])
def test_a_pruned_circuit_is_trained_as_it_is(tmp_path, trained, edges):
    result = run("design", "--prune", trained, "--out", tmp_path / "less", "--json", *edges)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    last, whole = told["stages"][-1], json.loads((trained / "result.json").read_text())["conductances"]
    assert last["edges"] == len(last["conductances"]) == len(whole) - len(told["gone"])
    assert last["edges"] == 19 if edges else last["edges"] < 16
    assert set(last["conductances"]) == set(whole) - set(told["gone"])
    assert (tmp_path / "less" / "design.png").stat().st_size > 1000
    for backend in ("exact", "ngspice"):
        again = run("train", tmp_path / "less" / "design.toml", "--backend", backend, "--no-save", "--json")
        assert again.exit_code == 0, again.output
        trained_again = json.loads(again.stdout)
        assert trained_again["stopped_because"] == "loss"
        assert trained_again["steps"] == last["steps"]
        assert trained_again["loss_initial"] == pytest.approx(0.5 * last["rms_before"] ** 2, rel=1e-4)
        for name, value in trained_again["conductances"].items():
            assert value == pytest.approx(last["conductances"][name], rel=1e-6)


def test_a_terminal_shows_the_sequence(trained):
    result = run("design", "--prune", trained, "--edges", 22)
    assert result.exit_code == 0, result.output
    assert "24 → 22" in result.stdout
    assert "22 edges were asked for" in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give either a design file, or --prune"),
        (["task.toml", "--prune", "run"], "give either a design file, or --prune"),
        (["task.toml", "--edges", 3], "--edges is for --prune"),
        (["--prune", "nowhere"], "nowhere: not a run folder"),
    ],
)
def test_what_does_not_go_together_is_refused(words, told):
    result = run("design", *words)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_circuit_that_misses_its_targets_is_not_pruned(tmp_path):
    file = ROOT / "netlists" / "allostery.toml"
    assert run("train", file, "--out", tmp_path / "run", "--set", "task.targets=[[1.5]]", "--steps", 5).exit_code == 0
    result = run("design", "--prune", tmp_path / "run")
    assert result.exit_code == 2
    assert "run: even with all edges the circuit cannot meet its targets" in result.stderr
