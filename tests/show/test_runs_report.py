"""`hwlearn report`, by its text."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import ExperimentError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.show.report import report, report_html, write_report
from hwlearn.show.report.crossvalidation import crossvalidations

NETLISTS = Path(__file__).parents[2] / "netlists"
KITE = NETLISTS / "kite.toml"
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Text, tags and pictures of a page whose tags are all closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.pictures, self.links, self.words = [], set(), [], [], []
        self.feed(html)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "src":
                self.pictures.append(value)
            elif name in ("href", "srcset", "action", "data") or name.startswith("on"):
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.words.append(data)


def trained(folder, file=KITE, **overrides):
    run = Run.create(folder, load_experiment(file, {"train.steps": 200, **overrides}))
    run.go()
    return run


@pytest.fixture(scope="module")
def kite(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "kite")


def test_the_page_tells_the_run_and_needs_nothing_beside_it(kite):
    page = Page(write_report(kite).read_text(encoding="utf-8"))
    assert not page.tags & {"script", "link", "iframe", "object", "form", "a"}
    assert not page.links
    assert len(page.pictures) == 6
    for picture in page.pictures:
        kind, _, content = picture.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content, validate=True).startswith(b"\x89PNG")
    result = json.loads((kite.folder / "result.json").read_text())
    for value in (*result["outputs"][0], *result["conductances"].values()):
        assert f"{value:.6g}" in page.text
    assert f"{result['loss_initial']:.4g} → {result['loss_final']:.4g} V²" in page.text
    headings = ("Circuit", "Task and outputs", "Learning", "Coercivity", "Environment")
    places = [page.text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "Coercive: rank 3 of 3" in page.text
    assert "decay of the loss that coercivity predicts 0.0" in page.text
    assert 'netlist = "kite.cir"' in page.text
    assert "Run with: train.steps = 200" in page.text
    assert "Cross-validation" not in page.text
    assert all(kite.info["versions"][name] in page.text for name in ("python", "numpy", "hwlearn"))


def test_a_rule_that_observes_currents_has_its_own_loss_in_the_report(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(report, "draw_run", lambda run, to, panels: drawn.append(panels))
    report_html(trained(tmp_path / "al", **{"rule.name": "al", "rule.nudge": 0.01, "train.steps": 5}))
    assert [panels for panels in drawn if "loss" in panels[0]] == [["loss"], ["rule-loss"]]


def test_what_coercivity_says_is_of_the_circuit_that_is_there(tmp_path):
    file = tmp_path / "kite.toml"
    shutil.copy(KITE.with_suffix(".cir"), tmp_path)
    file.write_text(KITE.read_text(encoding="utf-8") + '\n[imperfect]\ndead-edges = { names = ["RAT"] }\n', encoding="utf-8")
    run = trained(tmp_path / "run", file, **{"train.steps": 5})
    found = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))["conductances"]
    mass = 0.5 * sum(g**2 for name, g in found.items() if name != "RAT")
    told = re.search(r"mass[^<]*</[^>]*>\s*<[^>]*>([0-9.e+-]+) S²", report_html(run))
    assert float(told[1]) == pytest.approx(mass, rel=1e-3)


def test_names_from_netlists_are_text(tmp_path):
    shutil.copy(KITE, tmp_path)
    netlist = (NETLISTS / "kite.cir").read_text().replace("* Kite:", "* <script>alert(1)</script> & <b>Kite</b>:")
    (tmp_path / "kite.cir").write_text(netlist)
    page = Page(report_html(trained(tmp_path / "run", tmp_path / "kite.toml")))
    assert "script" not in page.tags
    assert "<script>alert(1)</script> & <b>Kite</b>: an outline" in page.text


def test_comparisons_in_the_folder_are_cross_validation(kite, tmp_path):
    shutil.copytree(kite.folder, tmp_path / "run")
    run = Run.load(tmp_path / "run")
    arguments = ["compare", str(KITE), "--backends", "exact,ngspice", "--out", str(run.folder / "comparison")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    text = Page(report_html(run)).text
    assert "Cross-validation ngspice beside exact: agrees" in text
    path = run.folder / "comparison" / "comparison.json"
    content = json.loads(path.read_text())
    content["backends"][0] |= {"agrees": False, "reasons": ["edge RTM conducts -15 %"]}
    path.write_text(json.dumps(content))
    [one] = crossvalidations(run.folder)
    assert (one.passed, one.reasons) == (False, ("edge RTM conducts -15 %",))
    path.write_text('{"backends": [{}]}')
    with pytest.raises(ExperimentError, match=r"comparison\.json: not what hwlearn compare writes"):
        crossvalidations(run.folder)


def test_a_run_that_was_killed_has_a_report_too(kite, tmp_path):
    shutil.copytree(kite.folder, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    page = Page(report_html(Run.load(tmp_path / "run")))
    assert len(page.pictures) == 4
    assert "steps 200 (killed)" in page.text
    assert "Outputs are measured when the run stops" in page.text


@pytest.mark.parametrize(("more", "pictures"), [("", 6), (" isr=1e-9", 5)])  # the exact model has no recombination
def test_a_circuit_that_is_not_linear_is_analysed_where_it_is_or_says_why_not(tmp_path, more, pictures):
    (tmp_path / "diode.cir").write_text(
        f"* a diode\nV1 in 0 1\nR1 in a 1k\nR2 a 0 1k\nD1 a 0 DX\n.model DX D(is=1e-12{more})\n.op\n.end\n"
    )
    (tmp_path / "diode.toml").write_text(
        '[circuit]\nnetlist = "diode.cir"\n[ports]\ninputs = ["V1"]\noutputs = ["a"]\n'
        "[task]\ninputs = [[1.0]]\ntargets = [[0.4]]\n"
        '[rule]\nname = "ep"\n[train]\nlearning_rate = 1e-7\n[backend]\nname = "ngspice"\n'
    )
    page = Page(report_html(trained(tmp_path / "run", tmp_path / "diode.toml", **{"train.steps": 3})))
    assert bool(re.search("No analysis: .* isr", page.text)) == bool(more)
    assert ("Coercive here: rank 1 of 1" in page.text) == (not more)
    assert "other element" in page.text
    assert len(page.pictures) == pictures


def test_the_command_writes_the_page_and_refuses_by_name(kite, tmp_path):
    done = CliRunner().invoke(app, ["report", str(kite.folder), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0
    assert f"written to {tmp_path / 'page.html'}" in done.stderr
    assert (tmp_path / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    refused = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert refused.exit_code == 2
    assert f"{tmp_path}: not a run folder: it has no run.json" in refused.stderr
