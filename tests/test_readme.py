"""The README's Python runs and prints what the README says."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
PAIRS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_blocks_print_what_the_readme_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)
    assert len(PAIRS) >= 4
    names: dict[str, object] = {}
    for code, printed in PAIRS:
        exec(compile(code, "README.md", "exec"), names)  # noqa: S102
        assert capsys.readouterr().out == printed
