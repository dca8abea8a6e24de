"""`hwlearn new`: the file that it writes trains as it is, for every shipped netlist."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.testing import CommandContract

NETLISTS = Path(__file__).parents[2] / "netlists"
DIVIDER = "* divider\nV1 a 0 3\nR1 a m 1k\nR2 m n 1k\nR3 n 0 1k\n"


class TestNew(CommandContract):
    name = "new"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def made(text, *options):
    Path("n.cir").write_text(text)
    done = run("new", "n.cir", *options)
    assert done.exit_code == 0, done.output
    return tomllib.loads(Path("n.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("netlist", sorted(NETLISTS.glob("*.cir")), ids=lambda path: path.stem)
def test_what_it_writes_trains_as_it_is(netlist):
    done = run("new", netlist, "--out", "new.toml")
    assert done.exit_code == 0, done.output
    trained = run("train", "new.toml", "--steps", 2, "--no-save", "--json")
    assert trained.exit_code == 0, trained.output
    assert json.loads(trained.stdout)["loss_initial"] < 1e-6  # the targets are what is there


def test_edited_targets_are_learned():
    content = made(DIVIDER + ".print op v(M)\n.end\n")
    assert content["task"] == {"inputs": [[3.0]], "targets": [[2.0]]}
    trained = run("train", "n.toml", "--set", "task.targets=[[1.2]]", "--no-save", "--json")
    assert json.loads(trained.stdout)["loss_final"] < 1e-8


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        (DIVIDER + ".print op v(M)\n.save V(n)\n", ["m", "n"]),
        (DIVIDER.replace(" n ", " /sheet/OUT1 "), ["/sheet/OUT1"]),
        ("* chain\nV1 a 0 1\nR1 a p 1k\nR2 p q 1k\nR3 q s 1k\nR4 s 0 1k\n", ["q"]),
        ("* printed is the input alone\nV1 out 0 1\nR1 out p 1k\nR2 p 0 1k\n.print op v(out)\n", ["p"]),
    ],
    ids=["printed", "labelled", "farthest", "not-an-input"],
)
def test_likely_outputs(text, outputs):
    assert made(text + ".end\n")["ports"]["outputs"] == outputs


def test_supplies_that_go_nowhere_are_no_inputs():
    """A model of an op-amp without supplies, as KiCad draws it, leaves them alone."""
    content = made("* t\nVcc vcc 0 12\nVee 0 vee 12\nV1 a 0 3\nR1 a m 1k\nE1 o 0 0 m 1e5\nR2 m o 2k\n")
    assert content["ports"]["inputs"] == ["V1"]
    assert run("train", "n.toml", "--steps", "2", "--no-save").exit_code == 0


def test_wires_and_ammeters_are_no_inputs():
    content = made(
        "* w\nV1 a 0 1\nI1 0 m 1m\nVZ z 0 0\nVAM m q 0\nRW q r 0\nR1 a m 1k\nR2 r z 1k\nR3 r out 1k\nR4 out 0 1k\n.end\n"
    )
    assert content["ports"]["inputs"] == ["V1", "I1", "VZ"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* n\nR1 a b 1k\nR2 b 0 1k\n.end\n", "n.cir: no source; add one"),
        ("* n\nV1 a 0 1\nR1 a 0 1k\n.end\n", "n.cir: no node that the sources leave free"),
    ],
)
def test_what_cannot_be_an_experiment_is_said(text, words):
    Path("n.cir").write_text(text)
    done = run("new", "n.cir")
    assert done.exit_code == 2
    assert words in done.stderr
    assert not Path("n.toml").exists()


def test_nothing_is_overwritten():
    made(DIVIDER + ".end\n")
    Path("n.toml").write_text("mine")
    assert "n.toml is there already; name a new file with --out" in run("new", "n.cir").stderr
    assert Path("n.toml").read_text() == "mine"
    assert "is no netlist" in run("new", "n.toml").stderr


def test_how_it_was_read_is_kept():
    content = made(DIVIDER + ".control\nop\n.endc\n.end\n", "--control", "ignore", "--dialect", "lt")
    assert (content["circuit"]["control"], content["circuit"]["dialect"]) == ("ignore", "lt")
    assert run("train", "n.toml", "--steps", 1, "--no-save").exit_code == 0
