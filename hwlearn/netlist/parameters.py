"""The parameters that a netlist gives must be those that ngspice has of what is kept of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from hwlearn.errors import NetlistError, SimulationError
from hwlearn.netlist.expanded import Expanded
from hwlearn.netlist.lines import Line
from hwlearn.netlist.places import Places
from hwlearn.netlist.shown import SHOWN, Shown, letters, load_and_show
from hwlearn.netlist.source import NetlistSource
from hwlearn.spice.apart import apart

ALWAYS = frozenset({"resistance", "capacitance", "inductance", "gain", "area", "m", "k", "z0", "td", "model", "control"})
"""What elements are given without its name."""

ALIASES = {"vto": "vt0", "vt0": "vto", "pb": "vj", "vj": "pb", "cj0": "cjo", "tc1": "tc"}
"""Names of a parameter of which `show` tells the other one."""

SAME = 1e-5
"""Relative difference of numbers that are shown with six digits."""

_GIVEN = re.compile(r"([a-z_]\w*)\s*=")


class Given(NamedTuple):
    """An element or a model, and the names of parameters that its cards give it.

    Attributes:
        kind: "device" or "model". key: its name as it is shown. name: as a message tells it.
        line: the card as it was written, if it is known.
    """

    kind: str
    key: str
    name: str
    names: frozenset[str]
    line: Line | None


def check_parameters(source: NetlistSource, places: Places, expanded: Expanded, dialect: str) -> None:
    """Refuse a netlist of which ngspice has other parameters than of what is kept.

    Nothing is said where ngspice could not be asked, or does not read what is kept, which is told elsewhere.

    Args:
        source: as ngspice read it.

    Raises:
        NetlistError: names the parameter, the element or model, and its line.
    """
    if not expanded.shown:
        return
    kept = ["kept", *(card.text for card in expanded.cards), *expanded.directives, ".end"]
    with suppress(SimulationError):  # the child's death, too
        now = apart(load_and_show, kept, letters(card.text for card in expanded.cards), dialect)
        for given in given_by(source, places, expanded):
            _compare(given, expanded.shown, now, source)


def given_by(source: NetlistSource, places: Places, expanded: Expanded) -> Iterator[Given]:
    """The models and elements that are kept."""
    written: dict[str, Line] = {}
    for line in source.lines:
        words = line.text.lower().split(maxsplit=2)
        if words[:1] == [".model"] and len(words) > 1:
            written.setdefault(words[1], line)
    for text in expanded.directives:
        words = text.lower().split(maxsplit=2)
        if words[0] == ".model":
            name = words[1].rpartition(":")[2]
            yield _given("model", words[1], f"model {name}", text, written.get(name))
    for card in expanded.cards:
        name = places.spelled(card.name)
        yield _given("device", card.name, name, card.text, places.line(card.name))


def _given(kind: str, key: str, name: str, kept: str, line: Line | None) -> Given:
    names = frozenset(_GIVEN.findall(f"{kept} {'' if line is None else line.text}".lower()))
    return Given(kind, key[:SHOWN], name, names | ALWAYS if kind == "device" else names, line)


def _compare(given: Given, before: Shown, now: Shown, source: NetlistSource) -> None:
    one, two = before.get((given.kind, given.key), []), now.get((given.kind, given.key), [])
    if len(one) != len(two):
        return  # of models that no element uses, ngspice shows nothing
    for was, has in zip(one, two, strict=True):
        for name in sorted(given.names):
            shown = name if name in was else ALIASES.get(name, name)
            if shown in was and not _alike(was[shown], has.get(shown, "")):
                message = (
                    f"{given.name} has {name} = {was[shown]} in this netlist, but {has.get(shown, 'none')} in what ngspice "
                    "lists of it: it is lost when the netlist is expanded; write the number itself"
                )
                raise NetlistError(message, source.title.file) if given.line is None else given.line.error(message)


def _alike(one: str, two: str) -> bool:
    if one == two:
        return True
    try:
        a, b = float(one), float(two)
    except ValueError:
        return False
    return abs(a - b) <= SAME * max(abs(a), abs(b))
