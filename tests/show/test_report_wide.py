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
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


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
