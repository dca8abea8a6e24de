"""Notebooks as pages: jupytext scripts (py:percent) are run, and shown with what they print and draw."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
from docutils import nodes
from myst_parser.sphinx_ import Parser


def as_markdown(text: str, script: Path, pictures: Path) -> str:
    """Cells in order; a code cell, then its output as text, then its figures, which are saved in `pictures`."""
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    lines: list[str] = []
    pictures.mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(jupytext.reads(text, "py:percent").cells):
        if cell.cell_type == "markdown":
            lines += [cell.source, ""]
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(script.parent):
            exec(compile(cell.source, f"{script}, cell {number}", "exec"), names)  # noqa: S102
        lines += ["```python", cell.source, "```", ""]
        if printed.getvalue():
            lines += ["```text", printed.getvalue().rstrip(), "```", ""]
        for figure in map(plt.figure, plt.get_fignums()):
            picture = pictures / f"{script.stem}-{number}-{figure.number}.png"
            figure.savefig(picture, dpi=110)
            lines += [f"![]({os.path.relpath(picture, script.parent)})", ""]
        plt.close("all")
    return "\n".join(lines)


class NotebookParser(Parser):
    """A MyST parser that runs the script first."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        script = Path(document["source"])
        super().parse(as_markdown(inputstring, script, Path(document.settings.env.srcdir) / "_build" / "pictures"), document)


def setup(app: Any) -> dict[str, bool]:
    plt.switch_backend("Agg")
    app.add_source_suffix(".py", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
