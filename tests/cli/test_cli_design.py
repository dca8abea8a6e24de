"""`hwlearn design`: what it leaves is trained as it is, in as many steps as it says, on the exact model and in ngspice."""

import json

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app

DESIGN = """
[design]
nodes = 8
edges = 14
restarts = 1
[ports]
inputs = ["a", "b"]
outputs = ["t1", "t2", "t3"]
[task]
inputs = [[0.0, 1.0]]
targets = [[0.3, 0.6, 0.45]]
[rule]
name = "RULE"
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("rule", ["ep", "cl", "al"])
def test_a_design_is_trained_as_it_is(tmp_path, monkeypatch, rule):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", rule))
    result = run("design", "task.toml", "--out", "found", "--random", 4, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["edges"]) == len(told["conductances"]) == 14
    assert told["steps_predicted"] < told["random"]["median"]
    for backend in ("exact", "ngspice"):
        trained = json.loads(run("train", "found/design.toml", "--backend", backend, "--no-save", "--json").stdout)
        assert trained["stopped_because"] == "loss"
        assert trained["steps"] == pytest.approx(told["steps_predicted"], rel=0.1, abs=1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("edges = 14", "edges = 3", "edges = 3: 6 to 27 join 8 nodes by the candidates"),
        ("nodes = 8", "nodes = 4", "nodes = 4: ports and candidates name 5 nodes already"),
        ('inputs = ["a", "b"]', 'inputs = ["I(a)", "b"]', "a design is driven by voltages from node to ground"),
        ("[[0.3, 0.6, 0.45]]", "[[0.3, 0.6, 1.45]]", "no design reaches the targets"),
        ("[[0.3, 0.6, 0.45]]", "[[0.3, 0.6]]", "task: 2 target values per sample for 3 ports"),
    ],
)
def test_what_cannot_be_designed_is_refused_with_the_reason(tmp_path, monkeypatch, old, new, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.toml").write_text(DESIGN.replace("RULE", "ep").replace(old, new))
    result = run("design", "task.toml")
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
