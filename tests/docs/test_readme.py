"""The README's Python and its commands run, and print what the README says."""

import shutil
from pathlib import Path

import pytest
from pages import run_page

README = Path(__file__).parents[2] / "README.md"


def test_blocks_print_what_the_readme_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(README.parent / "netlists", tmp_path / "netlists")
    monkeypatch.chdir(tmp_path)
    assert run_page(README, capsys) >= 5
