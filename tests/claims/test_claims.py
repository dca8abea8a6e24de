"""The claims pass in a quick run on both backends, and a false one fails."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn import EquilibriumPropagation, ExactCircuit, NgspiceCircuit
from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.circuits.measurement import Measurement
from hwlearn.claims import kite
from hwlearn.claims.all import CLAIMS
from hwlearn.claims.rows import Bench
from hwlearn.cli import app

NETLISTS = Path(__file__).parents[2] / "netlists"


@pytest.mark.parametrize("letter", list(CLAIMS))
def test_quick_on_the_exact_model(letter: str) -> None:
    rows = CLAIMS[letter](Bench(ExactCircuit, quick=True))
    assert rows
    assert [row for row in rows if not row.passed] == []


@pytest.mark.parametrize("letter", ["a", "b", "h"])
def test_quick_in_ngspice(letter: str) -> None:
    rows = CLAIMS[letter](Bench(NgspiceCircuit, quick=True))
    assert [row for row in rows if not row.passed] == []


def test_a_wrong_constant_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kite, "REFERENCE", {0.1: 1.7653e-3})
    failed = [row for row in kite.check(Bench(ExactCircuit, quick=True)) if not row.passed]
    assert [row.statement for row in failed] == ["c, EP flow at δ = 0.1"]


def test_a_rule_without_its_half_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    original = EquilibriumPropagation.nudged

    def doubled(self: EquilibriumPropagation, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return original(self, free, targets, 2 * nudge)

    monkeypatch.setattr(EquilibriumPropagation, "nudged", doubled)
    failed = [row for row in CLAIMS["a"](Bench(ExactCircuit, quick=True)) if not row.passed]
    assert [row.statement for row in failed] == ["EP is −∇ ½‖e‖²"]


def test_reproduce_command(tmp_path: Path) -> None:
    out = tmp_path / "claims"
    result = CliRunner().invoke(app, ["reproduce", "--quick", "--only", "bh", "--json", "--out", str(out)])
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert content["passed"]
    assert {row["claim"][0] for row in content["rows"]} == {"b", "h"}
    assert json.loads((out / "claims.json").read_text(encoding="utf-8")) == content
    assert (out / "claims.png").stat().st_size > 10_000
    assert CliRunner().invoke(app, ["reproduce", "--only", "z"]).exit_code == 2
    assert CliRunner().invoke(app, ["reproduce", "--backend", "paper"]).exit_code == 2


def test_analyze_command(tmp_path: Path) -> None:
    out = tmp_path / "found"
    result = CliRunner().invoke(app, ["analyze", str(NETLISTS / "kite.toml"), "--json", "--out", str(out)])
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    names = "rank constraints coercive constant rates active_rates max_step best_step degenerate reachable mass"
    assert set(names.split()) <= set(content)
    assert (content["rank"], content["constraints"], content["coercive"], content["reachable"]) == (3, 3, True, True)
    assert json.loads((out / "analysis.json").read_text(encoding="utf-8")) == content
    assert (out / "analysis.png").stat().st_size > 10_000
    words = CliRunner().invoke(app, ["analyze", str(NETLISTS / "kite.toml"), "--set", "task.targets=[[0.5, 0.5, 0.5]]"])
    assert "Move the target off the symmetry" in words.stdout


def test_analyze_of_every_example() -> None:
    for file in sorted(NETLISTS.glob("*.toml")):
        result = CliRunner().invoke(app, ["analyze", str(file), "--json"])
        assert result.exit_code == 0, file
        found = json.loads(result.stdout)
        assert found["reachable" if "reachable" in found else "coercive"], file
