"""Directive `rooms-map`: the rooms of the package by level, drawn from the contract that import-linter checks."""

from __future__ import annotations

import ast
import re
import tomllib
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
WIDTH, ROW, GAP, FONT = 900, 62, 10, 13


def levels() -> list[list[str]]:
    """The rooms of each level, top first, as pyproject.toml lists them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == ["hwlearn"])
    return [[room.strip() for room in re.split(r"[|:]", layer)] for layer in layers]


def purpose(room: str) -> str:
    """What a room is for: the first sentence of its docstring."""
    path = ROOT / "hwlearn" / Path(*room.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("`", "")


def wrapped(text: str, width: int) -> list[str]:
    """Two lines of at most `width` characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= 2 else [lines[0], lines[1].rsplit(" ", 1)[0].rstrip(".,;:") + " …"]


def drawing(rows: list[list[str]]) -> str:
    """An SVG: a box for each room, a row for each level."""
    boxes = []
    for k, row in enumerate(rows):
        width = (WIDTH - GAP * (len(row) - 1)) / len(row)
        for j, room in enumerate(row):
            x, y = j * (width + GAP), k * (ROW + GAP)
            boxes.append(
                f"<g><title>{escape(purpose(room))}</title>"
                f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{ROW}" rx="6"/>'
                f'<text class="room" x="{x + 10:.0f}" y="{y + 20}">{escape(room.replace(".", "/"))}</text>'
            )
            for n, line in enumerate(wrapped(purpose(room), int((width - 20) / (FONT * 0.54)))):
                boxes.append(f'<text x="{x + 10:.0f}" y="{y + 38 + 15 * n}">{escape(line)}</text>')
            boxes.append("</g>")
    height = len(rows) * (ROW + GAP) - GAP
    return f'<svg class="rooms" viewBox="-1 -1 {WIDTH + 2} {height + 2}" role="img" aria-label="rooms">{"".join(boxes)}</svg>'


class RoomsMap(SphinxDirective):
    """A room may import rooms that stand lower, and none beside it."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(ROOT / "pyproject.toml"))
        return [nodes.raw("", drawing(levels()), format="html")]


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx asks of an extension."""
    app.add_directive("rooms-map", RoomsMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
