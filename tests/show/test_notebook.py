"""What a notebook shows of networks, analyses, comparisons and runs."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_runs_report import Page

from hwlearn import ExactCircuit, Network, Task, analyze
from hwlearn.analysis.operating import operating_point
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.inference.comparison import compare_circuits
from hwlearn.network.builders import kite

NETLISTS = Path(__file__).parents[2] / "netlists"
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def test_a_network_is_its_picture():
    names = ["R<1>", "R&2", "R3", "R4", "R5", "R6"]
    network = Network.from_edges([edge[:2] for edge in kite().edges], names=names, inputs=["A"], outputs=["T"], title="<b>")
    picture = ElementTree.fromstring(network._repr_svg_())  # noqa: S314  # made here
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    words = {"".join(text.itertext()).strip() for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"A", "T", "R<1>", "<b>"} <= words


def test_an_analysis_is_its_facts_and_figure():
    found = analyze(kite([1, 1.5, 1.3, 1, 1, 1.7]), TASK)
    page = Page(found._repr_html_())
    assert "Coercive: rank 3 of 3" in page.text
    assert "V²/S²" in page.text
    [picture] = page.pictures
    assert picture.startswith("data:image/png;base64,")


def test_an_operating_point_too():
    gates = load_experiment(NETLISTS / "gates.toml")
    page = Page(operating_point(gates.network, gates.task)._repr_html_())
    assert "Coercive here: rank 2 of 2" in page.text
    assert len(page.pictures) == 1


def test_a_comparison_is_its_verdict_and_figure():
    rule = load_experiment(NETLISTS / "kite.toml").rule
    with ExactCircuit(kite()) as one, ExactCircuit(kite()) as two:
        page = Page(compare_circuits(TASK, rule, {"exact": one, "other": two})._repr_html_())
    assert "other beside exact: agrees" in page.text
    assert len(page.pictures) == 1


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Run.create(tmp_path_factory.mktemp("runs") / "kite", load_experiment(NETLISTS / "kite.toml", {"train.steps": 20}))
    made.go()
    return made


def test_a_run_is_its_summary_and_figure(run):
    page = Page(run._repr_html_())
    assert "ep, nudge 0.01 S, both sides" in page.text
    assert len(page.pictures) == 1


def test_a_run_that_cannot_be_read_says_why(run):
    result = run.folder / "result.json"
    kept = result.read_text()
    try:
        result.write_text("{")
        assert "<pre>" in Run.load(run.folder)._repr_html_()
        assert "result.json" in Run.load(run.folder)._repr_html_()
    finally:
        result.write_text(kept)
