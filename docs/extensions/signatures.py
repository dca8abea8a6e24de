"""Docstrings and signatures as people read them: one attribute a line, |x| a size, arrays by their short names."""

from __future__ import annotations

import re
from typing import Any

NAMES = {
    r"TypeAliasForwardRef\('(\w+)'\)": r"\1",
    r"~?(?:numpy\.)?ndarray\[tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[~?(?:numpy\.)?(\w+)\]\]": r"Array[\1]",
}


def shorten(app: Any, what: str, name: str, thing: object, options: Any, signature: str | None, returns: str | None) -> Any:
    """The signature with short names."""
    for long, short in NAMES.items():
        signature = signature and re.sub(long, short, signature)
        returns = returns and re.sub(long, short, returns)
    return signature, returns


def plain(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Keep reStructuredText from seeing more than there is.

    "lower, upper: bounds" of a list becomes two lines, or napoleon would take `lower` for the type of `upper`.
    """
    for number, line in enumerate(lines):
        parts = line.split("`")
        lines[number] = "`".join([part.replace("|", "\\|") if k % 2 == 0 else part for k, part in enumerate(parts)])
    if "Attributes:" not in lines:
        return
    start, found = lines.index("Attributes:") + 1, list[str]()
    for line in lines[start:]:
        match = re.match(r"( +)(\w+(?:, \w+)+): (.*)", line)
        found += [f"{match[1]}{one}: {match[3]}" for one in match[2].split(", ")] if match else [line]
    lines[start:] = found


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
