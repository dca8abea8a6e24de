"""Names that ngspice would not keep: comments of the written netlist say what they stand for, and give them back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from hwlearn.netlist.lines import Line
from hwlearn.text import GROUND

_SAID = re.compile(r"\* (node|edge|source) (\S+) stands for (['\"].*['\"])\Z")

_NAMES_NOTHING = re.compile(
    r"\s*([rvi+](?!.*\b[vi]\s*\()|;|\.(op|end|tran|dc|print|option|temp|param)|$)", re.IGNORECASE | re.DOTALL
)
"""A line whose text after the nodes says no name of a node, as R1 a 0 R={1k+v(b)} does."""


def renamings(what: str, names: Iterable[str], written: Iterable[str]) -> list[str]:
    """The comments of a netlist: names that are written as others, of a "node", an "edge" or a "source"."""
    return [f"* {what} {new} stands for {old!r}" for old, new in zip(names, written, strict=True) if old != new]


class Renamed:
    """What the comments of a netlist say that its nodes and elements are called.

    Only of netlists of resistors and sources: other cards name nodes in their text. A name that another node, or element, has
    is not given twice: that would make one of two.

    Attributes:
        nodes, elements: names by what is written, lower case.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        said: dict[str, dict[str, str]] = {"node": {}, "edge": {}, "source": {}}
        written = [line.text for line in lines if line.text[:1] not in ("*", "")]
        for line in lines if all(_NAMES_NOTHING.match(text) for text in written) else ():
            if line.text.startswith("* ") and (match := _SAID.match(line.text)):
                try:
                    name = ast.literal_eval(match[3])
                except (ValueError, SyntaxError):
                    continue
                if isinstance(name, str):
                    said[match[1]][match[2].lower()] = name
        words = {word.lower() for text in written for word in text.split()}
        self.nodes = _distinct(said["node"], words | {GROUND, "gnd"})
        self.elements = _distinct(said["edge"] | said["source"], words)


def _distinct(said: dict[str, str], taken: set[str]) -> dict[str, str]:
    lows = [name.lower() for name in said.values()]
    return {new: name for new, name in said.items() if name.lower() not in taken and lows.count(name.lower()) == 1}
