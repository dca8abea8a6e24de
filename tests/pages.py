"""Pages whose code runs, and prints what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_python(page: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Run a page's Python blocks in order, in one namespace.

    Each prints what the text block right after it shows; without one, nothing. Returns how many there were.
    """
    text = page.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    names: dict[str, object] = {"__name__": page.stem}
    count = 0
    for fence, after in zip(fences, [*fences[1:], None], strict=True):
        if fence[1] != "python":
            continue
        shown = ""
        if after is not None and after[1] == "text" and not text[fence.end() : after.start()].strip():
            shown = after[2]
        exec(compile("\n" * text[: fence.start()].count("\n") + "\n" + fence[2], str(page), "exec"), names)  # noqa: S102
        assert capsys.readouterr().out == shown
        count += 1
    return count


def run_commands(page: Path) -> int:
    """Run the `$ hwlearn …` lines of a page's console blocks, in this process; returns how many there were.

    Each prints the lines after it, blank lines and trailing spaces aside; "…" stands for anything, as the time that it took.
    """
    count = 0
    for fence in FENCE.finditer(page.read_text(encoding="utf-8")):
        if fence[1] != "console":
            continue
        for command, shown in re.findall(r"^\$ hwlearn (.*)\n((?:(?!\$ ).*\n)*)", fence[2], re.MULTILINE):
            printed = CliRunner().invoke(app, command.split()).output
            pattern = r"[\s\S]*".join(re.escape(_tidy(part)) for part in _tidy(shown).split("…"))
            assert re.fullmatch(pattern, _tidy(printed)), f"{page.name}: hwlearn {command} printed\n{printed}"
            count += 1
    return count


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
