"""`Facts`: titled sections of pairs, sentences and tables, with their units, and the same as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LISTED = 50
"""Rows of a table before it is elided."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        header: names of the columns, with units.
        rows: all of them; a renderer shows the first `LISTED`.
        details: indices of columns that a page has room for, and a terminal has not.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    details: frozenset[int] = frozenset()

    @classmethod
    def of(cls, header: Iterable[str], rows: Iterable[Iterable[str]], details: Iterable[int] = ()) -> Table:
        """A table from any iterables."""
        return cls(tuple(header), tuple(tuple(row) for row in rows), frozenset(details))

    @property
    def brief(self) -> Table:
        """The table without its details."""
        kept = [k for k in range(len(self.header)) if k not in self.details]
        return Table.of([self.header[k] for k in kept], [[row[k] for k in kept] for row in self.rows])

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """The rows before it is elided."""
        return self.rows[:LISTED]

    @property
    def more(self) -> int:
        """How many rows are not shown."""
        return max(len(self.rows) - LISTED, 0)


@dataclass(frozen=True)
class Section:
    """What is told of one thing.

    Attributes:
        heading: a line above it, such as a verdict; may be empty.
        passed: whether the heading is good news; None where it is neither.
        reasons: sentences that belong to the heading.
        pairs: names and values, with units. details: more of them, for which a page has room.
        body: tables and sentences, in their order.
    """

    heading: str = ""
    passed: bool | None = None
    reasons: tuple[str, ...] = ()
    pairs: Pairs = ()
    details: Pairs = ()
    body: tuple[Table | str, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of the body."""
        return tuple(part for part in self.body if isinstance(part, Table))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences of the body."""
        return tuple(part for part in self.body if isinstance(part, str))


@dataclass(frozen=True)
class Facts:
    """What is told, rendered by a terminal, a page and JSON.

    Attributes:
        title: of what it is about.
        caption: the same in a few words, for a figure.
        sections: in the order in which they are read.
        content: for JSON.
    """

    title: str
    caption: str
    sections: tuple[Section, ...]
    content: Mapping[str, Any] = field(default_factory=dict)


def named(names: Iterable[str], listed: int = 12) -> str:
    """The first names, with commas."""
    known = list(names)
    return ", ".join(known[:listed]) + (" …" if len(known) > listed else "")


def number(value: float | None, digits: int = 6) -> str:
    """A number, or that there is none."""
    return "not measured" if value is None or math.isnan(value) else f"{value:.{digits}g}"
