"""Tables, JSON and lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

LISTED = 50
"""Rows of a table before it is elided."""

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def new_table(*columns: str) -> Table:
    """An empty table; without a header line where all names are empty."""
    from rich import box
    from rich.table import Table

    class VisibleTable(Table):
        def add_row(self, *cells: Any, **options: Any) -> None:
            super().add_row(*map(visible, cells), **options)

    table = VisibleTable(box=box.SIMPLE_HEAD, show_header=any(columns), pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def fill(table: Table, rows: Sequence[tuple[str, ...]]) -> None:
    """Add the rows, of which the first `LISTED` are shown, and print the table."""
    for row in rows[:LISTED]:
        table.add_row(*row)
    if len(rows) > LISTED:
        table.add_row(f"… {len(rows) - LISTED} more")
    print_table(table)


def print_table(table: Table) -> None:
    """Print a table on stdout, names as they are; as wide as a terminal, or 160 characters elsewhere."""
    from rich.console import Console

    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160).print(table)


def print_json(content: dict[str, Any]) -> None:
    """Print one line of JSON on stdout; NaN is refused."""
    print(json.dumps(content, allow_nan=False))


def say(text: str) -> None:
    """Print a line on stderr."""
    print(visible(text), file=sys.stderr)


def visible(text: str) -> str:
    """A text from a file as a terminal shows it, and does not obey it."""
    return text.translate(_CONTROLS)


def one_line(error: BaseException) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
