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
        re.compile(r"\.backanno\b|^\*\s.*\.asc\b|\b(vrev|vfwd)\s*=|^\.model\s+\S+\s+d\b.*?\b(ron|roff)\s*=", re.IGNORECASE),
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


_UNKNOWN = {
    "rser": "LTspice's: put a resistor in series, or delete it where it is 0",
    "lser": "LTspice's: delete it, or put an inductor in series; at DC it is nothing",
    "rpar": "LTspice's: put a resistor beside the element",
    "rlshunt": "LTspice's: delete it; at DC it is nothing",
    "cpar": "LTspice's: delete it, or put a capacitor beside the element; at DC it is nothing",
    "load": "LTspice's, for a source that only takes current: a B source can say that, I={...}",
    "pwr": "LTspice's, for a note: delete it",
    "tol": "LTspice's, for a note: delete it",
    "mfg": "LTspice's, for a note: delete it",
    "if": "LTspice's and PSpice's: write (condition) ? a : b",
    "idt": "LTspice's, an integral over time, which has no value at DC",
    "sdt": "LTspice's and PSpice's, an integral over time, which has no value at DC",
}
_COMPLAINT = re.compile(r"unknown parameter \((\w+)\)|undefined parameter \[(\w+)\]|no such function '(\w+)'", re.IGNORECASE)


def advice(said: str) -> str:
    """What to do about a word of which ngspice complains, and which it has in no dialect; "" if none is known."""
    for match in _COMPLAINT.finditer(said):
        word = next(filter(None, match.groups())).lower()
        if word in _UNKNOWN:
            return f"; {word} is {_UNKNOWN[word]}"
    return ""
