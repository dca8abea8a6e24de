"""The gallery: each figure says what it shows, and its script is short; sphinx-gallery runs them when the site is built."""

import ast
from pathlib import Path

import pytest

FIGURES = sorted((Path(__file__).parents[2] / "docs" / "figures").glob("*.py"))


@pytest.mark.parametrize("script", FIGURES, ids=lambda path: path.stem)
def test_a_figure_has_a_title_words_and_little_code(script):
    assert script.name.startswith("plot_"), "sphinx-gallery runs those alone"
    source = script.read_text(encoding="utf-8")
    title, line, *words = ast.get_docstring(ast.parse(source)).splitlines()
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert len(" ".join(words).split()) > 10
    assert len(source.splitlines()) < 60


def test_there_is_a_gallery():
    assert len(FIGURES) >= 6
