"""The report in Chromium: figures side by side on a wide screen, below each other on a telephone, nothing cut off."""

from itertools import pairwise
from pathlib import Path

import pytest
from browser import browser_page

from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.show.report import write_report

REGRESSION = Path(__file__).parents[2] / "netlists" / "regression.toml"
BOXES = "() => [...document.querySelectorAll('figure')].map(f => f.getBoundingClientRect().toJSON())"
CUT = "() => [...document.querySelectorAll('.wide')].filter(w => w.scrollWidth > w.clientWidth).map(w => w.innerText)"
NARROWEST = "() => Math.min(...[...document.querySelectorAll('figure')].map(f => f.clientWidth / f.children[0].naturalWidth))"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

CLASSES = """
[circuit]
builder = "crossbar"
rows = 1
columns = 2
rails = [0.0, 1.0]
[task]
data = "iris.csv"
labels = "kind"
[rule]
name = "ep"
[loss]
name = "cross-entropy"
[train]
epochs = 3
"""


@pytest.mark.slow  # a browser
def test_figures_stand_side_by_side_where_there_is_room(tmp_path):
    run = Run.create(tmp_path / "run", load_experiment(REGRESSION, {"train.steps": 20}))
    run.go()
    with browser_page(viewport={"width": 1600, "height": 1000}) as page:
        page.goto(write_report(run).as_uri())
        network, outputs, residuals, *_ = page.evaluate(BOXES)
        assert outputs["y"] == residuals["y"] > network["bottom"]
        assert outputs["right"] < residuals["x"]
        assert page.evaluate(OVERFLOW) <= 0
        page.set_viewport_size({"width": 420, "height": 800})
        narrow = page.evaluate(BOXES)
        assert all(one["bottom"] <= two["y"] for one, two in pairwise(narrow))
        assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.slow  # a browser
def test_no_table_is_cut_off_and_no_figure_shrunk_to_what_nobody_can_read(tmp_path):
    """Two losses stood in one picture, half as wide as the page; a table of rates lost its last column."""
    (tmp_path / "iris.csv").write_text("\n".join(["x,kind", *(f"{k},{'ab'[k > 4]}" for k in range(10))]) + "\n")
    (tmp_path / "two.toml").write_text(CLASSES)
    run = Run.create(tmp_path / "classes", load_experiment(tmp_path / "two.toml"))
    run.go()
    kite = Run.create(tmp_path / "kite", load_experiment(REGRESSION.with_name("kite.toml"), {"train.steps": 20}))
    kite.go()
    with browser_page(viewport={"width": 1400, "height": 1000}) as page:
        for one in (run, kite):
            page.goto(write_report(one).as_uri())
            assert page.evaluate(CUT) == []
            assert page.evaluate(NARROWEST) > 0.4
