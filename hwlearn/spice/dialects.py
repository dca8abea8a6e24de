"""Dialects of SPICE that ngspice knows, and the marks by which a file may tell its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Dialect = Literal["ps", "lt", "hs", "ki"]
"""PSpice, LTspice, HSPICE and KiCad, as ngspice's variable `ngbehavior` calls them; "" is ngspice's own."""

_MARKS = {
    "lt": (
        "LTspice",
        re.compile(r"\.backanno\b|^\*\s.*\.asc\b|\b(rser|cpar|rpar|lser|vrev|ron|roff|vfwd)\s*=", re.IGNORECASE),
    ),
    "ps": (
        "PSpice",
        re.compile(r"\bpspice\b|^\*\s*source\s|^\.(probe|autoconverge|stmlib|aliases)\b|\bvswitch\b", re.IGNORECASE),
    ),
    "hs": ("HSPICE", re.compile(r"\bhspice\b|^\.(prot|unprot|alter|data|hdl)\b|\bpost\s*=|^\.opt\S*\s+post\b", re.IGNORECASE)),
    "ki": ("KiCad", re.compile(r"^\.title\s+kicad\b|\beeschema\b", re.IGNORECASE)),
}


def whole(dialect: str) -> str:
    """Ngspice's word for a dialect of the netlist itself, not only of its libraries."""
    return f"{dialect}a" if dialect else ""


def guess(lines: Iterable[str]) -> tuple[str, str] | None:
    """(dialect, what speaks for it) of a text; None if nothing does."""
    for line in lines:
        for dialect, (name, marks) in _MARKS.items():
            if match := marks.search(line):
                return dialect, f"{match[0].strip()!r} looks like {name}"
    return None
