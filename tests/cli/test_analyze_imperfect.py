"""`hwlearn analyze` of a file with `[imperfect]`: what is predicted is of the circuit that is truly there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app

NETLISTS = Path(__file__).parents[2] / "netlists"
TRUE = {"RAT": 1.0, "RDT": 1.5, "RAW": 1.3, "RDW": 1.0, "RTM": 1.0, "RMW": 1.7}
"""Conductances of kite.cir [S]."""


def analysed(tmp_path, cards, imperfect=""):
    (tmp_path / "kite.cir").write_text("\n".join(cards), encoding="utf-8")
    path = tmp_path / "kite.toml"
    path.write_text((NETLISTS / "kite.toml").read_text(encoding="utf-8") + imperfect, encoding="utf-8")
    done = CliRunner().invoke(app, ["analyze", str(path), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def cards():
    return (NETLISTS / "kite.cir").read_text(encoding="utf-8").splitlines()


def same(one, other):
    """Equal to rounding, whatever the nesting."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            same(value, other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for value, again in zip(one, other, strict=True):
            same(value, again)
    else:
        assert one == (pytest.approx(other, rel=1e-6, abs=1e-9) if isinstance(other, float) else other)


def test_a_dead_edge_is_no_edge(tmp_path):
    lost = analysed(tmp_path, cards(), '\n[imperfect]\ndead-edges = { names = ["RAT"] }\n')
    same(lost, analysed(tmp_path, [card for card in cards() if not card.startswith("RAT ")]))
    assert lost["mass"] == pytest.approx(0.5 * sum(g**2 for name, g in TRUE.items() if name != "RAT"))


def test_a_tolerance_is_in_what_is_predicted(tmp_path):
    def mass(part):
        return analysed(tmp_path, cards(), f"\n[imperfect]\ntolerance = {{ part = {part} }}\n")["mass"]

    ideal = 0.5 * sum(g**2 for g in TRUE.values())
    assert mass(0.0) == pytest.approx(ideal)
    assert abs(mass(0.2) / ideal - 1) > 1e-3
