"""Text of SCPI messages: numbers, lists, channel lists. Strict: what is not exactly a number is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OUTSIDE_QUOTES = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
OVER_RANGE, NOT_A_NUMBER = 9.9e37, 9.91e37


def parse_number(text: str) -> float:
    """A float; 9.9E37 and beyond is ±inf, 9.91E37 is NaN (IEEE 488.2 for overload and for not measured).

    Raises:
        ValueError: anything else than one number.
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no number")
    value = float(text)
    if math.isclose(abs(value), NOT_A_NUMBER, rel_tol=1e-6):
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= OVER_RANGE * (1 - 1e-6) else value


def parse_numbers(text: str, count: int) -> NDArray[np.float64]:
    """(count,) floats, comma-separated.

    Raises:
        ValueError: another number of them, or something else.
    """
    parts = text.split(",")
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values for {count}")
    return np.array([parse_number(part) for part in parts])


def parse_integers(text: str, count: int) -> NDArray[np.intp]:
    """(count,) integers, comma-separated.

    Raises:
        ValueError: another number of them, or something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values for {count}")
    if not all(re.fullmatch(r"[+-]?\d{1,9}", part) for part in parts):
        raise ValueError(f"{text!r} are no integers")
    return np.array([int(part) for part in parts], dtype=np.intp)


def answers(line: str) -> list[str]:
    """The answers of one line, which ';' separates, except in quotes."""
    return [part.strip() for part in _OUTSIDE_QUOTES.split(line)]


def error_number(entry: str) -> int:
    """The number of an entry of the error queue, as in `-113,"Undefined header"`.

    Raises:
        ValueError: it is no such entry.
    """
    match = re.fullmatch(r'([+-]?\d{1,6})(,\s*".*")?', entry.strip())
    if not match:
        raise ValueError(f"{entry!r} is no entry of an error queue")
    return int(match[1])


def channel_list(channels: Sequence[str]) -> str:
    """`(@101,102)`."""
    return f"(@{','.join(channels)})"


def number(value: float) -> str:
    """A number as instruments read it, to 12 digits."""
    return f"{value:.12g}"
