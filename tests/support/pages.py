"""Pages whose code runs, and prints what the page shows."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hwlearn.cli import app

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ hwlearn (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def run_page(page: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """Run the Python blocks of a page, and the `$ hwlearn …` lines of its console blocks, in order; returns how many.

    Python shares one namespace, and prints what the text block right after it shows; without one, nothing. A command prints
    the lines after it, the width of tables aside; "…" there stands for anything, such as the time that it took. A TOML block
    that begins with "# NAME.toml" is that file.
    """
    text = page.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    names: dict[str, Any] = {"__name__": page.stem}
    count = 0
    for fence, after in zip_longest(fences, fences[1:]):
        if fence[1] == "python":
            shown = ""
            if after is not None and after[1] == "text" and not text[fence.end() : after.start()].strip():
                shown = after[2]
            lines = "\n" * text[: fence.start(2)].count("\n")  # a traceback tells the page's lines
            exec(compile(lines + fence[2], str(page), "exec", dont_inherit=True), names)  # noqa: S102
            assert capsys.readouterr().out == shown
            count += 1
        elif fence[1] == "toml" and (name := re.match(r"# (\S+\.toml)\n", fence[2])):
            Path(name[1]).write_text(fence[2], encoding="utf-8")
        elif fence[1] == "console":
            for command, shown in COMMAND.findall(fence[2]):
                printed = _tidy(CliRunner().invoke(app, command.split()).output)
                pattern = "(?s:.*)".join(map(re.escape, _tidy(shown).split("…")))
                assert re.fullmatch(pattern, printed), f"{page}: hwlearn {command} prints\n{printed}"
                count += 1
    return count


def _tidy(text: str) -> str:
    return "\n".join(" ".join(re.sub("─+", "─", line).split()) for line in text.splitlines() if line.strip())
