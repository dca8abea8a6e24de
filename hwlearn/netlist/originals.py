"""Cards of behavioural sources as they were written: ngspice lists eleven digits of a number, and 4095 characters in all."""

from __future__ import annotations

import re

from hwlearn.netlist.lines import Line
from hwlearn.text import parse_number

SAME = 1e-9
"""Relative difference of a number and what is listed of it."""

_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*")


def as_written(listed: str, line: Line | None, most: int) -> str | None:
    """The card as it was written, lower case, where the listing says the same; None where it says something else.

    With parameters, functions or in a subcircuit, the two differ in more than the digits of numbers.

    Args:
        listed: what ngspice lists of it.
        line: the card.
        most: characters of a card that are listed.
    """
    if line is None or not listed.startswith("b"):
        return None
    written = line.text.lower()
    (one, numbers), (two, others) = _taken_apart(written), _taken_apart(listed)
    if len(listed) >= most:  # what stands last may be cut in two
        one, two, others = one[: len(two) - 2], two[:-2], others[: two[:-2].count("#")]
        numbers = numbers[: len(others)]
    if one != two or len(numbers) != len(others):
        return None
    return written if all(abs(a - b) <= SAME * abs(a) for a, b in zip(numbers, others, strict=True)) else None


def _taken_apart(card: str) -> tuple[str, list[float]]:
    """A card without blanks and numbers, and its numbers."""
    text = "".join(card.split())
    found = [parse_number(match[0]) for match in _NUMBER.finditer(text)]
    return _NUMBER.sub("#", text), [float("nan") if number is None else number for number in found]
