"""Text of SCPI messages: numbers, lists, channel lists. Strict: what is not exactly a number is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_INTEGER = re.compile(r"\s*[+-]?\d{1,9}\s*")
_INTEGERS = re.compile(r"\s*[+-]?\d{1,9}\s*(?:,\s*[+-]?\d{1,9}\s*)*")
_OUTSIDE_QUOTES = re.compile(r';\s*(?=(?:[^"]*"[^"]*")*[^"]*$)')
_ENTRY = re.compile(r'([+-]?\d{1,6})(,\s*".*")?')
NOT_A_NUMBER = 9.91e37
SPECIAL = 9.9e37 * (1 - 1e-6)
"""From here on, numbers mean something else."""


def parse_number(text: str) -> float:
    """A float; 9.9E37 and beyond is ±inf, 9.91E37 is NaN (IEEE 488.2 for overload and for not measured).

    Raises:
        ValueError: anything else than one number.
    """
    return _floats(text, [text])[0]


def parse_numbers(text: str, count: int) -> NDArray[np.float64]:
    """(count,) floats, comma-separated, each as in `parse_number`.

    Raises:
        ValueError: another number of them, or something else.
    """
    return np.array(parse_floats(text, count))


def parse_floats(text: str, count: int) -> list[float]:
    """As `parse_numbers`, as a list."""
    return _floats(text, _fields(text, count))


def parse_integers(text: str, count: int) -> NDArray[np.intp]:
    """(count,) integers, comma-separated.

    Raises:
        ValueError: another number of them, or something else.
    """
    fields = _fields(text, count)
    if not _INTEGERS.fullmatch(text):
        raise ValueError(f"{text!r} are no integers")
    return np.array(list(map(int, fields)), dtype=np.intp)


def parse_flag(text: str) -> bool:
    """Whether an integer is not 0.

    Raises:
        ValueError: anything else than one integer.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text!r} is no integer")
    return bool(int(text))


def _fields(text: str, count: int) -> list[str]:
    fields = text.split(",")
    if len(fields) != count:
        raise ValueError(f"{len(fields)} values for {count}")
    return fields


def _floats(text: str, fields: list[str]) -> list[float]:
    try:
        values = list(map(float, fields))
    except ValueError:
        values = []
    if not values or "n" in text or "N" in text or "_" in text:  # float() also takes nan, inf and 1_000
        raise ValueError(f"{text!r} is no number")
    return values if max(map(abs, values)) < SPECIAL else list(map(_meant, values))


def _meant(value: float) -> float:
    if abs(value) < SPECIAL:
        return value
    return math.nan if math.isclose(abs(value), NOT_A_NUMBER, rel_tol=1e-6) else math.copysign(math.inf, value)


def answers(line: str) -> list[str]:
    """The answers of one line, which ';' separates, except in quotes."""
    line = line.strip()
    head, separator, last = line.rpartition(";")
    if '"' in head or last.count('"') % 2:
        return _OUTSIDE_QUOTES.split(line)
    return [answer.lstrip() for answer in (*head.split(";"), last)] if separator else [line]


@lru_cache(64)
def error_number(entry: str) -> int:
    """The number of an entry of the error queue, as in `-113,"Undefined header"`.

    Raises:
        ValueError: it is no such entry.
    """
    match = _ENTRY.fullmatch(entry.strip())
    if not match:
        raise ValueError(f"{entry!r} is no entry of an error queue")
    return int(match[1])


def channel_list(channels: Sequence[str]) -> str:
    """`(@101,102)`."""
    return f"(@{','.join(channels)})"


def number(value: float) -> str:
    """A number as instruments read it, to 12 digits."""
    return f"{value:.12g}"
