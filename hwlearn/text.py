"""Text: numbers as SPICE reads and writes them, the ground node's name, and what an unknown word may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

GROUND = "0"
"""The ground node's name, in networks as in SPICE."""

_SCALE = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3}
_SCALE |= {"u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?)(meg|mil|[tgkmunpfa])?", re.IGNORECASE)


def parse_number(token: str) -> float | None:
    """The value that ngspice gives to `token` (letters after the suffix are ignored); None if it is not a number."""
    match = _NUMBER.match(token)
    if match is None:
        return None
    return float(match[1].lower().replace("d", "e")) * _SCALE.get((match[2] or "").lower(), 1.0)


def read_decimal(text: str) -> float:
    """The number that `text` writes, as other programs read it too; Python alone takes 1_000 for 1000.

    Raises:
        ValueError: it writes none.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def write_number(value: float) -> str:
    """The shortest text that reads back as exactly `value`."""
    return repr(float(value))


def inverse_unit(unit: str) -> str:
    """One over a unit: S²/V² for V²/S², V⁻² for V²; empty stays empty."""
    above, _, below = unit.partition("/")
    if below:
        return below if above == "1" else f"{below}/{above}"
    return f"{above[:-1]}⁻²" if above.endswith("²") else f"1/{above}" if above else ""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """What is meant by an unknown word, as the end of a message; empty if nothing is close."""
    close = get_close_matches(word, [str(w) for w in words], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
