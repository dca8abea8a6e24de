"""What drivers of other people give back, strictly: a number is a number, a switch is on or off."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.instruments.scpi.text import parse_integers, parse_number, parse_numbers

_SWITCH = {"on": True, "off": False, "1": True, "0": False, "true": True, "false": False}


def number(value: Any) -> float:
    """A float; 9.9E37 and beyond is ±inf, 9.91E37 is NaN, as in `parse_number`.

    Raises:
        ValueError: it is none. True and False are none either.
    """
    plain = _plain(value)
    if isinstance(plain, str):
        return parse_number(plain)
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise ValueError(f"{value!r} is no number")
    number = float(plain)
    return parse_number(repr(number)) if np.isfinite(number) else number


def numbers(value: Any, count: int) -> Array:
    """(count,) floats, of a sequence or of text separated by commas; one of them may stand alone.

    Raises:
        ValueError: another number of them, or something else.
    """
    if isinstance(value, str):
        return parse_numbers(value, count)
    plain = _plain(value)
    found = [number(one) for one in (plain if isinstance(plain, Iterable) else [plain])]
    if len(found) != count:
        raise ValueError(f"{len(found)} values for {count}")
    return np.array(found)


def integers(value: Any, count: int) -> list[int]:
    """Integers, of a sequence or of text separated by commas; one of them may stand alone.

    Raises:
        ValueError: another number of them, or something else.
    """
    if isinstance(value, str):
        return [int(one) for one in parse_integers(value, count)]
    found = numbers(value, count).tolist()
    if not all(one.is_integer() for one in found):
        raise ValueError(f"{value!r} is no integer")
    return list(map(int, found))


def switch(value: Any) -> bool:
    """Whether something is on: True, 1, "on".

    Raises:
        ValueError: it is neither on nor off.
    """
    plain = _plain(value)
    if isinstance(plain, str):
        plain = _SWITCH.get(plain.strip().lower(), plain)
    if plain in (0, 1):
        return bool(plain)
    raise ValueError(f"{value!r} is neither on nor off")


def _plain(value: Any) -> Any:
    """A value without its numpy box."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value
