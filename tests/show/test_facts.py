"""Terminal, page and JSON tell the same facts."""

import json
from pathlib import Path

import pytest
from test_runs_report import Page
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.cli.output import print_facts
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.show.facts import LISTED, Facts, Section, Table
from hwlearn.show.facts.training import run_facts, training_facts
from hwlearn.show.report import report_html

KITE = Path(__file__).parents[2] / "netlists" / "kite.toml"


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("facts")
    made = Run.create(folder / "run", load_experiment(KITE, {"train.steps": 20, "rule.threshold": 1e-3}))
    made.go()
    arguments = ["compare", str(KITE), "--backends", "exact,ngspice", "--out", str(folder / "run" / "compared")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    return made


def command(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_a_training_is_told_the_same_by_terminal_page_and_json(run, tmp_path):
    facts = training_facts(run.result, run.experiment.network, run.network)
    told = [f"{name} {value}" for name, value in facts.sections[0].pairs if name != "seconds"]
    assert any(line.startswith("remedies threshold 0.001") for line in told)
    options = ["--steps", "20", "--set", "rule.threshold=1e-3", "--no-save"]
    printed, page = words(command("train", KITE, *options)), Page(report_html(run)).text
    for line in [facts.title, *told]:
        assert line in printed
        assert line in page
    for table in facts.sections[1].tables:
        for row in table.rows:
            assert words(" ".join(row)) in page
        for row in table.brief.rows:
            assert words(" ".join(row)) in printed
    assert facts.content == run.result
    told_ahead = {"forecast", "warnings"}  # of the command alone
    assert facts.content.keys() | told_ahead == json.loads(command("train", KITE, *options, "--json")).keys()


def test_a_rule_that_observes_currents_tells_its_loss_in_amperes(tmp_path):
    options = ["--rule", "al", "--steps", "20", "--set", "train.learning_rate=1e-9", "--no-save"]
    found = json.loads(command("train", KITE, *options, "--json"))
    assert found["rule_loss_unit"] == "A²"
    assert f"loss that the rule observes {found['rule_loss']:.4g} A²" in words(command("train", KITE, *options))


def test_an_analysis_is_told_the_same_by_terminal_page_and_json(run, tmp_path):
    (run.folder / "start.toml").write_text(KITE.read_text().replace("kite.cir", str(KITE.parent / "kite.cir")))
    trained = run.folder / "trained.cir"
    printed = command("analyze", KITE, "--set", f"circuit.netlist={trained}")
    found = json.loads(command("analyze", KITE, "--set", f"circuit.netlist={trained}", "--json"))
    page = Page(report_html(run)).text
    for line in found["advice"]:
        assert line in words(printed)
        assert line in page
    assert f"coercivity constant {found['constant']:.6g} V²/S²" in words(printed)
    assert f"coercivity constant {found['constant']:.6g} V²/S²" in page


def test_a_comparison_is_told_the_same_by_page_and_json(run):
    content = json.loads((run.folder / "compared" / "comparison.json").read_text())
    page = Page(report_html(run)).text
    assert "ngspice beside exact: agrees" in page
    assert f"measured by {content['backends'][0]['provenance']}" in page
    chi_square = " → ".join(f"{value:.3g}" for value in content["backends"][0]["chi_square"])
    assert f"chi² per reading, without and with the faults {chi_square}" in page


def test_a_run_without_a_result_has_facts(run, tmp_path):
    made = Run.create(tmp_path / "run", load_experiment(KITE, {"train.steps": 3}))
    facts = run_facts(made)
    assert dict(facts.sections[0].pairs) == {"rule": "ep", "backend": "exact", "began": made.info["date"]}


def test_a_long_table_is_elided_and_details_are_for_pages(capsys):
    table = Table.of(("edge", "from", "g"), [(f"R{k}", "a", str(k)) for k in range(LISTED + 7)], details=[1])
    assert (len(table.shown), table.more, table.brief.header) == (LISTED, 7, ("edge", "g"))
    section = Section("bad", False, ("why",), (("name", "value"),), (("detail", "x"),), ("a sentence", table))
    print_facts(Facts("title", "", (section,)))
    printed = capsys.readouterr().out
    assert printed.startswith("title\nbad\n  why\n")
    assert "… 7 more" in printed
    assert "detail" not in printed
    assert f"R{LISTED}" not in printed
    assert printed.index("value") < printed.index("a sentence") < printed.index("R0")
