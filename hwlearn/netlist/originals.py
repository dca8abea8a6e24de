"""Cards of behavioural sources as they were written: ngspice lists eleven digits of a number, and 4095 characters in all."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hwlearn.netlist.lines import Line
from hwlearn.text import parse_number, write_number

SAME = 1e-9
"""Relative difference of a number and what is listed of it."""

_ELEVEN_DIGITS = re.compile(r"(?<![\w.])\d\.\d{10}e[+-]\d+(?!\w)")
"""A number of an expression, as it is listed."""

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


def with_all_digits(listed: str, written: Iterable[Line]) -> str:
    """A card as it is listed, its numbers with all digits that they were written with.

    Args:
        listed: with nodes, parameters and functions expanded.
        written: where its numbers may stand. Numbers that eleven digits do not tell apart stay as they are listed.
    """
    numbers: dict[str, set[float]] = {}
    for line in written:
        for match in _NUMBER.finditer(line.text.lower()):
            if (number := parse_number(match[0])) is not None:
                numbers.setdefault(f"{number:.10e}", set()).add(number)

    def whole(match: re.Match[str]) -> str:
        found = numbers.get(match[0], set())
        return write_number(*found) if len(found) == 1 and float(match[0]) not in found else match[0]

    return _ELEVEN_DIGITS.sub(whole, listed)


def _taken_apart(card: str) -> tuple[str, list[float]]:
    """A card without blanks and numbers, and its numbers."""
    text = "".join(card.split())
    found = [parse_number(match[0]) for match in _NUMBER.finditer(text)]
    return _NUMBER.sub("#", text), [float("nan") if number is None else number for number in found]
