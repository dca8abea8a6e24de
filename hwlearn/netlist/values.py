"""Sort expanded elements into resistors, jumpers, DC sources and what only ngspice can simulate."""

from __future__ import annotations

import re
from typing import NamedTuple

from hwlearn.netlist.expanded import Card
from hwlearn.text import parse_number

_PLAIN = frozenset({"dc", "ac", "m"})
"""Words beside which a source has no more than its DC value; any other, such as a waveform, may give it one at t = 0."""

_OPAQUE = frozenset({"trnoise", "trrandom", "external"})
_RF_PORT = frozenset({"portnum", "z0", "pwr", "freq", "phase"})
_SPLIT = re.compile(r"[\s(),=]+")
_SMALLEST = 2e-323
"""ngspice takes resistances [Ω] up to this for zero."""


class SourceWords(NamedTuple):
    """The words of a source: those that give its DC value, and whether it has a waveform and a DC value."""

    dc: str
    wave: bool
    has_dc: bool


def source_words(card: Card) -> SourceWords | None:
    """The words after the nodes of a V or I card; None for an RF port."""
    parts = [part for part in _SPLIT.split(" ".join(card.rest)) if part]
    if any(part in _RF_PORT for part in parts):
        return None
    dc, multiplier, wave = "0", "", False
    first = bool(parts) and parse_number(parts[0]) is not None  # ngspice prefers it to `dc`
    if first:
        dc = parts[0]
    has_dc = first
    for k, part in enumerate(parts):
        if part == "dc" and k + 1 < len(parts) and parse_number(parts[k + 1]) is not None:
            dc, has_dc = dc if first else parts[k + 1], True
        elif part == "m" and k + 1 < len(parts):
            multiplier = f" m={parts[k + 1]}"
        elif part in _OPAQUE:
            wave = True
    if not (has_dc or wave) and any(part not in _PLAIN and parse_number(part) is None for part in parts):
        return SourceWords(" ".join(card.rest), wave, has_dc)
    return SourceWords(f"dc {dc}{multiplier}", wave, has_dc)


def why_no_value(card: Card) -> str:
    """What to do about a V or I card of which ngspice finds no value."""
    if "pulse" in " ".join(card.rest):
        return "a pulse that begins before t = 0 needs its rise, fall, width and period; or give it a DC value"
    return f"{' '.join(card.rest)}; give it a DC value"


def resistance_word(card: Card) -> str | None:
    """The word that gives a resistor its value; "" if only its model can, None if nothing does."""
    plain = [word for word in card.rest if "=" not in word]
    for word in card.rest:
        key, _, value = word.partition("=")
        if key in ("r", "resistance") and value:
            return value
    if plain and parse_number(plain[0]) is not None:
        return plain[0]
    if len(plain) > 1 and parse_number(plain[1]) is not None:
        return plain[1]
    return "" if plain else None


def is_zero(word: str) -> bool:
    """True for a resistance of 0 Ω, which ngspice would make 1 mΩ."""
    value = parse_number(word)
    return value is not None and abs(value) <= _SMALLEST
