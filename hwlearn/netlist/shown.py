"""What ngspice has of a deck's models and elements once it is loaded, as `show` and `showmod` tell it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hwlearn.spice.session import session

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

Shown = dict[tuple[str, str], list[dict[str, str]]]
"""What is told of each device or model, by "device" or "model" and as much of its name as ngspice shows, in the order of
loading: numbers as they are printed, with six digits."""

SHOWN = 21
"""Characters of a name that are shown."""

SILENT = frozenset("vixa")
"""Letters of elements that are not asked: before an analysis, ngspice dies of `show` for sources, which are measured."""

_UNKNOWN = re.compile(r"<<NAN, error = \d+>>")


MOST = 2000
"""Elements of a letter up to which they are asked."""


def letters(listed: Iterable[str]) -> str:
    """The letters of elements that are asked of a deck; none of resistors and sources alone, which have numbers."""
    counts = Counter(text.strip()[:1].lower() for text in listed)
    if not counts.keys() - set("rvi*"):
        return ""
    return "".join(
        sorted(letter for letter, count in counts.items() if letter.isalpha() and letter not in SILENT and count <= MOST)
    )


def load_and_show(lines: list[str], letters: str, dialect: str = "") -> Shown:
    """Of a deck: all models, and the elements that begin with some letters.

    Raises:
        SimulationError: ngspice does not take the deck.
    """
    deck = object()

    def load(shared: Shared) -> Shown:
        here = session()
        here.add(shared, deck, lines, dialect)
        try:
            return show(shared, letters)
        finally:
            here.remove(shared, deck)

    return session().run(load)


def show(shared: Shared, letters: str) -> Shown:
    """Of the current deck; see `load_and_show`. Nothing if no letter is asked for. Called inside a job."""
    found: Shown = {}
    if not letters:
        return found
    for command in ("showmod all : all", *(f"show {letter} : all" for letter in letters)):
        shared.forget()
        shared.command(command)
        for kind, name, values in _columns(shared.messages[0]):
            found.setdefault((kind, name), []).append(values)
    shared.forget()
    return found


def _columns(told: Iterable[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kind, name and values of what stands in the columns of one answer."""
    kind, names, values = "", list[str](), list[dict[str, str]]()
    for line in told:
        first, *rest = _UNKNOWN.sub("unknown", line).split()[:64] or [""]
        if first in ("device", "model") and not (first == "model" and kind == "device" and values and not values[0]):
            yield from ((kind, name, value) for name, value in zip(names, values, strict=True))
            kind, names, values = first, rest, [{} for _ in rest]
        elif len(rest) == len(names):
            for value, word in zip(values, rest, strict=True):
                value[first] = word
    yield from ((kind, name, value) for name, value in zip(names, values, strict=True))
