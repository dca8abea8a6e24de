"""The README's Python runs and prints what the README says."""

from pathlib import Path

import pytest
from pages import run_page

README = Path(__file__).parents[2] / "README.md"


def test_blocks_print_what_the_readme_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)
    assert run_page(README, capsys, commands=False) >= 4
