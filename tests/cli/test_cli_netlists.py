"""Options of how a netlist is read, on every command that reads one, and `hwlearn show` of a bare netlist."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn import Network, NewtonCircuit
from hwlearn.cli import app

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "data" / "netlists"
READING = [
    ["train", "--steps", "1", "--no-save"],
    ["analyze"],
    ["show"],
    ["compare", "--backends", "exact,ngspice"],
    ["sweep"],
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def kite(tmp_path):
    """An experiment whose netlist has commands, and a sweep of it."""
    netlist = (ROOT / "netlists" / "kite.cir").read_text().replace(".end\n", ".control\nop\n.endc\n.end\n")
    (tmp_path / "kite.cir").write_text(netlist)
    (tmp_path / "kite.toml").write_text((ROOT / "netlists" / "kite.toml").read_text(encoding="utf-8"), encoding="utf-8")
    sweep = 'experiment = "kite.toml"\n[grid]\n"train.steps" = [1]\n'
    (tmp_path / "sweep.toml").write_text(sweep)
    return tmp_path


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_each_command_reads_past_commands_or_lets_them_run(kite, words):
    file = kite / ("sweep.toml" if words[0] == "sweep" else "kite.toml")
    command = [*words[:1], file, *words[1:]]
    refused = run(*command)
    assert refused.exit_code == 2
    assert "kite.cir:12: a .control block runs commands" in refused.output
    for control in ("ignore", "trust"):
        done = run(*command, "--control", control)
        assert done.exit_code == 0, done.output
    assert run(*command, "--trust-netlist", "--control", "refuse").exit_code == 2


def test_robustness_has_the_options_too():
    plain = re.sub(r"\x1b\[[0-9;]*m", "", run("robustness", "--help").output)
    assert all(option in plain for option in ("--trust-netlist", "--control", "--dialect"))


def test_the_option_wins_over_the_file_and_a_run_remembers_the_dialect(kite):
    file = kite / "kite.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("[circuit]\n", '[circuit]\ncontrol = "refuse"\n'), encoding="utf-8"
    )
    netlist = kite / "kite.cir"
    netlist.write_text(re.sub(r"(?m)^(R\S* \S+ \S+) .*$", r"\1 1R5", netlist.read_text()))
    done = run("train", file, "--steps", 1, "--control", "trust", "--dialect", "lt", "--out", "run")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("run/run.json").read_text())["overrides"]["circuit.dialect"] == "lt"
    shown = json.loads(run("show", file, "--control", "ignore", "--dialect", "lt", "--json").stdout)
    assert {round(1 / edge["conductance"], 9) for edge in shown["edges"]} == {1.5}
    assert run("train", file, "--dialect", "vax").exit_code == 2


def shown(name, *options):
    done = run("show", CASES / f"{name}.cir", "--json", *options)
    assert done.exit_code == 0, done.output
    assert Path(f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return json.loads(done.stdout)


def test_a_netlist_is_told_with_what_each_backend_makes_of_it():
    content = shown("xor-amplifiers")
    for backend in ("exact", "ngspice"):
        assert content["backends"][backend]["voltages"]["h"] == pytest.approx(0.649482, abs=1e-6)
        assert content["backends"][backend]["why"] is None
    told = {element["name"]: (element["kind"], element["how"]) for element in content["elements"]}
    assert told["R1"] == ("resistor", "exact")
    assert told["d.x1.d1"] == ("diode", "Newton's method")
    assert told["e.x2.eout"] == ("voltage-controlled voltage source", "exact")
    assert [source["name"] for source in content["inputs"][:3]] == ["Va", "Vb", "Vone"]
    assert "station" in content["backends"]["bench"]["why"]


def test_what_only_ngspice_simulates_is_told_with_the_reason_and_the_line():
    content = shown("vdmos")
    (power,) = [element for element in content["elements"] if element["name"] == "M1"]
    assert (power["how"], power["where"].rpartition(":")[2]) == ("ngspice only", "5")
    assert "M1" in content["backends"]["exact"]["why"].upper()
    assert content["backends"]["ngspice"]["voltages"]["x"] == pytest.approx(0.763980, abs=1e-6)
    assert content["backends"]["exact"]["voltages"] is None


def test_a_bare_netlist_is_told_on_the_terminal():
    done = run("show", CASES / "control-exit.cir", "--control", "ignore", "--out", "c.svg")
    assert done.exit_code == 0, done.output
    for word in ("could be inputs", "could be outputs", "exact [V]", "ngspice [V]", "solved by", "drawn in c.svg"):
        assert word in done.stdout
    assert "<svg" in Path("c.svg").read_text(encoding="utf-8")
    assert run("show", CASES / "control-exit.cir").exit_code == 2
    assert "no keys" in run("show", CASES / "vdmos.cir", "--set", "train.steps=1").output


def test_what_the_exact_model_ignores_is_told_once(tmp_path):
    file = tmp_path / "n.cir"
    file.write_text(
        "t\nV1 a 0 1\nR1 a b 1k\nC1 b 0 1n ic=1\nL1 b c 1u ic=2m\nD1 c 0 d off ic=0.7\nD2 c 0 d off\nD3 c 0 e\n"
        ".model d d(is=1e-12 cjo=1p tt=5n)\n.model e d(is=1e-12)\n"
    )
    done = run("show", file, "--out", tmp_path / "p.svg")
    assert "C1; cjo, tt of model d; ic of L1, D1; off of D1, D2" in " ".join(done.stdout.split())
    content = json.loads(run("show", file, "--json", "--out", tmp_path / "p.svg").stdout)
    assert content["ignored"] == {
        "elements": ["C1"],
        "parameters": {"d": ["cjo", "tt"]},
        "starts": {"ic": ["L1", "D1"], "off": ["D1", "D2"]},
    }
    with NewtonCircuit(Network.from_netlist(file)) as circuit:
        assert circuit.provenance()["ignored at DC"] == "C1; cjo, tt of model d; ic of L1, D1; off of D1, D2"
