"""Lossy lines of types TXL and CPL as what ngspice makes of them at DC: a resistor for each conductor.

Of the lines themselves ngspice 39 dies, in its second analysis or when they are unloaded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator

from hwlearn.errors import HwlearnWarning
from hwlearn.netlist.cards import words
from hwlearn.netlist.lines import Line
from hwlearn.text import parse_number

KINDS = {"y": "txl", "p": "cpl"}
"""Types of their models, by letter."""

LEAST = 1e-4
"""Ω for each unit of length that a coupled line has at least, in ngspice."""

_MODEL = re.compile(r"\.model\s+(\S+)\s+(txl|cpl)\b\s*\(?([^()]*)\)?\s*\Z", re.IGNORECASE)
_GIVEN = re.compile(r"([a-z_]\w*)\s*=\s*([^=]*?)\s*(?=[a-z_]\w*\s*=|\Z)", re.IGNORECASE)


def as_resistors(lines: Iterable[Line]) -> Iterator[Line]:
    """The cards without lossy lines and their models, and with resistors at their places, such as RY1, or RP1_1 and RP1_2.

    Each is R times the length, from one end to the other: what leaks from conductor to conductor, and inductances and
    capacitances, change nothing at DC in ngspice. Of other cards, and of lines whose numbers are not understood, nothing is
    changed.
    """
    kept = list(lines)
    models: dict[str, tuple[str, dict[str, str]]] = {}
    for line in kept:
        if match := _MODEL.match(line.text):
            given = {name.lower(): value for name, value in _GIVEN.findall(match[3])}
            models.setdefault(match[1].lower(), (match[2].lower(), given))
    if not models:
        yield from kept
        return
    left = set[str]()
    made: list[Line] = []
    for line in kept:
        found = _resistors(line, models) if line.text[:1].lower() in KINDS else None
        made += [line] if found is None else [line._replace(text=text) for text in found]
        if found is None and line.text[:1].lower() in KINDS:
            left.update(line.text.lower().split())
    yield from (line for line in made if (match := _MODEL.match(line.text)) is None or match[1].lower() in left)


def _resistors(line: Line, models: dict[str, tuple[str, dict[str, str]]]) -> list[str] | None:
    name, *rest = words(line.text)
    at = next((k for k, word in enumerate(rest) if word.lower() in models), None)
    if at is None:
        return None
    kind, model = models[rest[at].lower()]
    given = dict(word.lower().split("=", 1) for word in rest[at + 1 :] if "=" in word)
    own = given.get("len", given.get("length", "") if kind == "cpl" else "")
    length, ohms = parse_number(own or model.get("length", "")), [parse_number(word) for word in model.get("r", "").split()]
    count = 1 if kind == "txl" else at // 2 - 1
    if kind != KINDS[name[0].lower()] or at != 2 * count + 2 or count < 1 or length is None or None in ohms:
        return None
    numbers = [number for number in ohms if number is not None]
    if len(numbers) != count * (count + 1) // 2:
        return None
    own_ones = [k * count - k * (k - 1) // 2 for k in range(count)]  # of the upper triangle, row by row
    if any(number for k, number in enumerate(numbers) if k not in own_ones):
        warnings.warn(
            f"{line.where}: {name}: ngspice leaves out resistances between conductors at DC, and so does hwlearn",
            HwlearnWarning,
            stacklevel=6,
        )
    if kind == "txl":
        return [f"R{name} {rest[0]} {rest[2]} {numbers[0] * length!r}"]
    one, two = rest[:count], rest[count + 1 : 2 * count + 1]
    values = [max(numbers[k], LEAST) * length for k in own_ones]
    return [f"R{name}_{k + 1} {one[k]} {two[k]} {value!r}" for k, value in enumerate(values)]
