"""Tables, JSON and lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from hwlearn.show.facts import Facts

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


def fill(table: Table, rows: Sequence[tuple[str, ...]], listed: int = 50) -> None:
    """Add the rows, of which the first ones are shown, and print the table."""
    for row in rows[:listed]:
        table.add_row(*row)
    if len(rows) > listed:
        table.add_row(f"… {len(rows) - listed} more")
    print_table(table)


def print_facts(facts: Facts) -> None:
    """Print what is told, without details."""
    if facts.title:
        print(visible(facts.title))
    for section in facts.sections:
        if section.heading:
            print(visible(section.heading))
        for reason in section.reasons:
            print(visible(f"  {reason}"))
        if section.pairs:
            table = new_table("", "")
            for pair in section.pairs:
                table.add_row(*pair)
            print_table(table)
        for part in section.body:
            if isinstance(part, str):
                print(visible(part))
            else:
                fill(new_table(*part.brief.header), part.brief.rows)


def print_table(table: Table) -> None:
    """Print a table on stdout, names as they are; as wide as a terminal, or 160 characters elsewhere."""
    from rich.console import Console

    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160).print(table)


def print_json(content: Mapping[str, Any]) -> None:
    """Print one line of JSON on stdout; NaN is refused."""
    print(json.dumps(dict(content), allow_nan=False))


def say(text: str) -> None:
    """Print a line on stderr."""
    print(visible(text), file=sys.stderr)


def visible(text: str) -> str:
    """A text from a file as a terminal shows it, and does not obey it."""
    return text.translate(_CONTROLS)


def one_line(error: BaseException) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
