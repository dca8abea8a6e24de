"""Cards of other simulators and tools, in the words of ngspice; what ngspice would misread, lose or read for ever."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator

from hwlearn.errors import HwlearnWarning
from hwlearn.netlist.lines import Line
from hwlearn.netlist.polynomials import written_out
from hwlearn.netlist.transmission import as_resistors
from hwlearn.text import parse_number

_BARE = re.compile(r"([rcl]\S*\s+\S+\s+\S+\s+)([a-z_]\w*)(?![\w=(.])(?!\s*=)", re.IGNORECASE)
_ASSIGNED = re.compile(r"([a-z_]\w*)\s*=", re.IGNORECASE)
_PAIR = r"\(\s*([^\s,()]+)\s*[,\s]\s*([^\s,()]+)\s*\)"
_ENDS = re.compile(rf"([efgh]\S*)\s+{_PAIR}", re.IGNORECASE)
_COMMA = re.compile(r"([eg]\S*\s+[^\s()]+\s+[^\s()]+)\s+([^\s,(){}'=]+)\s*,\s*([^\s,(){}'=]+)(?=\s+\S)", re.IGNORECASE)
_CONTROLS = re.compile(rf"([eg]\S*\s+[^\s()]+\s+[^\s()]+)\s+{_PAIR}(?=\s*\S)", re.IGNORECASE)
_NEGATIVE = re.compile(r"(r\S*)\s+(\S+)\s+(\S+)\s+(?:r\s*=\s*)?(-\S+)\s*\Z", re.IGNORECASE)
_WHOLE = re.compile(r"\{[^{}]*\}|\([^()]*\)|'[^']*'")
HOLDS_PARAMETERS = (".para", ".subckt", ".macro")
"""Beginnings of the cards in which parameters are given, lower case."""


def as_meant(lines: Iterable[Line]) -> list[Line]:
    """The cards, each at its place.

    A subcircuit that is defined again is left out, as ngspice does; a warning says so where the two differ. A bare parameter
    as value gets its braces, and a comma between parameters becomes a blank. Polynomials and tables of controlled sources
    become expressions, nodes of controlled sources lose the brackets that PSpice puts around each pair, and lossy lines become
    resistors. A negative resistance inside a subcircuit, as macromodels have it, becomes a source controlled by its own
    voltage, R1 one called GR1. A `.ic` or `.nodeset` that sets nothing is left out.
    """
    kept = list(as_resistors(_without_repeats(list(lines))))
    parameters, models = _names(kept)
    found, depth = list[Line](), 0
    for line in kept:
        text = line.text
        depth += line.nesting
        if depth and text[:1] in "rR":
            text = _positive(text)
        if not _is_empty_setting(text):
            found.append(line._replace(text=_meant(text, parameters, models)))
    return found


def _positive(text: str) -> str:
    """A resistor of a negative number as a source controlled by its own voltage; any other as it is."""
    match = _NEGATIVE.match(text)
    ohms = None if match is None else parse_number(match[4])
    if match is None or not ohms:
        return text
    name, one, two, _ = match.groups()
    return f"G{name} {one} {two} {one} {two} {1 / ohms!r}"


def _meant(text: str, parameters: set[str], models: set[str]) -> str:
    start = text[:1].lower()
    if start in "rcl" and parameters:
        match = _BARE.match(text)
        if match and match[2].lower() in parameters - models:
            return f"{match[1]}{{{match[2]}}}{text[match.end() :]}"
    elif start in "efgh":
        for pairs in (_ENDS, _CONTROLS, _COMMA):
            text = pairs.sub(r"\1 \2 \3", text, count=1)
        return written_out(text)
    elif start == "." and "," in text and text.lower().startswith(HOLDS_PARAMETERS):
        return _commas_as_blanks(text)
    return text


def _names(lines: list[Line]) -> tuple[set[str], set[str]]:
    """Lower-case names of all parameters, and of all models."""
    parameters, models = set[str](), set[str]()
    for line in lines:
        low = line.text.lower()
        if low.startswith(HOLDS_PARAMETERS):
            parameters.update(_ASSIGNED.findall(_brackets_closed(low)))
        elif low.startswith(".model"):
            models.update(low.split()[1:2])
    return parameters, models


def _is_empty_setting(text: str) -> bool:
    return text.lower().strip() in (".ic", ".nodeset")


def _brackets_closed(text: str) -> str:
    """The text with each bracket and quotation as so many dots."""
    count = 1
    while count:
        text, count = _WHOLE.subn(lambda match: "." * len(match[0]), text)
    return text


def _commas_as_blanks(text: str) -> str:
    """Without the commas after a value: those inside brackets, and those before the first `=`, stay."""
    first = text.find("=")
    closed = _brackets_closed(text)
    return "".join(" " if k > first >= 0 and closed[k] == "," else mark for k, mark in enumerate(text))


def _without_repeats(lines: list[Line]) -> Iterator[Line]:
    """The lines without second definitions of a subcircuit in one scope; alternatives of an `.if` are none."""
    scopes: list[dict[str, list[Line]]] = [{}]
    k = alternatives = 0
    while k < len(lines):
        line = lines[k]
        low = line.text.lower()
        words = low.split(maxsplit=2)
        if line.nesting > 0 and len(words) > 1:
            end = _end(lines, k)
            body = lines[k : end + 1]
            first = scopes[-1].get(words[1])
            if first is not None and not alternatives and end < len(lines):
                if _told(first) != _told(body):
                    warnings.warn(
                        f"{line.where}: subcircuit {line.text.split()[1]} is defined again, otherwise than at "
                        f"{first[0].where}; ngspice takes the first",
                        HwlearnWarning,
                        stacklevel=5,
                    )
                k = end + 1
                continue
            scopes[-1].setdefault(words[1], body)
            scopes.append({})
        elif line.nesting < 0 and len(scopes) > 1:
            scopes.pop()
        elif words and words[0] == ".if":
            alternatives += 1
        elif words and words[0] == ".endif":
            alternatives -= 1
        yield line
        k += 1


def _end(lines: list[Line], start: int) -> int:
    """Position of the `.ends` of a `.subckt`; beyond the lines if there is none."""
    depth = 0
    for k in range(start, len(lines)):
        depth += lines[k].nesting
        if not depth:
            return k
    return len(lines)


def _told(body: list[Line]) -> list[list[str]]:
    return [line.text.lower().split() for line in body[:-1]]
