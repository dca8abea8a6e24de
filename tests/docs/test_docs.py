"""The pages of docs/ run and print what they show; the notebooks run; the reference is whole."""

import re
import runpy
import shutil
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from pages import run_page

import hwlearn

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNS = re.compile(r"^```(?:python|console)$", re.MULTILINE)
NOTEBOOKS = sorted([*(DOCS / "notebooks").glob("*.py"), *(DOCS / "reference").glob("*.py")])
PAGES = sorted(page for page in DOCS.rglob("*.md") if RUNS.search(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [str(page.relative_to(DOCS)) for page in PAGES])
def test_a_page_prints_what_it_shows(page, tmp_path, monkeypatch, capsys):
    for folder in ("netlists", "stations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(DOCS / "examples")
    run_page(DOCS / page, capsys)


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda script: script.stem)
def test_a_notebook_runs(script, monkeypatch):
    mpl.use("Agg")
    monkeypatch.chdir(script.parent)
    runpy.run_path(str(script), run_name="__main__")
    assert plt.get_fignums()
    plt.close("all")


def test_the_reference_has_every_public_name():
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"auto(?:class|function):: (\w+)$", text, re.MULTILINE)) == set(hwlearn.__all__)


def test_the_reference_has_a_picture_of_every_figure():
    from hwlearn.show.plots import __all__ as figures

    text = (DOCS / "reference" / "figures.py").read_text(encoding="utf-8")
    assert set(re.findall(r"autofunction:: hwlearn\.show\.(\w+)$", text, re.MULTILINE)) == set(figures)
    assert set(re.findall(r"^(draw_\w+)\(.*ax=", text, re.MULTILINE)) == set(figures)


def test_the_reference_has_every_module_of_analysis():
    text = (DOCS / "reference" / "analysis.md").read_text(encoding="utf-8")
    named = set(re.findall(r"automodule:: hwlearn\.analysis\.(\w+)$", text, re.MULTILINE))
    assert named == {path.stem for path in (ROOT / "hwlearn" / "analysis").glob("[a-z]*")} - {"blocks", "nodes"}
