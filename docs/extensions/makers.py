"""Directive `makers-headers`: which headers of our drivers have a source besides us, from tests/lab/makers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from hwlearn.lab.instruments.drivers import DRIVERS

FOLDER = Path(__file__).parents[2] / "tests" / "lab" / "makers"


def tables() -> dict[str, Any]:
    """Driver → its table."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}


def unconfirmed(table: dict[str, Any]) -> list[str]:
    """The headers of a table that have no source."""
    return [header for header, sources in table["headers"].items() if not sources]


def lines() -> list[str]:
    """A row and the sources of each driver, as Markdown."""
    rows = ["| driver | instrument | headers | unconfirmed |", "|---|---|---|---|"]
    sources = ["", "## Sources", ""]
    for name, table in tables().items():
        missing = ", ".join(f"`{header}`" for header in unconfirmed(table)) or "–"
        rows.append(f"| `{name}` | {DRIVERS.get(name).model} | {len(table['headers'])} | {missing} |")
        sources.append(f"- `{name}`: {'; '.join(table['sources'].values())}".replace("*", r"\*"))
    return [*rows, *sources]


class MakersHeaders(SphinxDirective):
    """The table and the sources."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(lines()), allow_section_headings=True)


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("makers-headers", MakersHeaders)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
