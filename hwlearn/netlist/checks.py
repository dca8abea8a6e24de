"""What ngspice would misread in silence, or die of: refused or warned of, with file and line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from hwlearn.errors import HwlearnWarning, NetlistError
from hwlearn.netlist.cards import before_parameters, words
from hwlearn.netlist.deadly import refuse_deadly
from hwlearn.netlist.drawn import check_drawn
from hwlearn.netlist.functions import check_functions
from hwlearn.netlist.lines import Line
from hwlearn.netlist.places import Places
from hwlearn.netlist.source import NetlistSource, has_title_only

MOST_WARNINGS = 5
"""Warnings of one kind that are given one by one."""

_MILLI = re.compile(r"(?<![\w.#])((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)M(?!eg|EG|Eg|il|IL|Il)(?=[A-Za-zΩ]*\b)")
_COMMA = re.compile(r"[+-]?[\d.]+,(\d+[A-Za-z]*)\Z")
_TEMPERATURE = re.compile(r"=?\s*([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|\{.*\}|'.*')\Z", re.IGNORECASE)
_INFIX = re.compile(r"([+-]?\d+)(meg|[tgkmunpr])(\d+)\Z", re.IGNORECASE)
_RSHUNT = re.compile(r"\brshunt\b", re.IGNORECASE)
_SETTING = re.compile(r"([^=]*)=(?:\{[^}]*\}|'[^']*'|[^v=]*)")
_NODE_VOLTAGE = re.compile(r"(v\([^()]+(\([^()]*\)[^()]*)*\)|all)\Z")
_VALUE = re.compile(r"[+-]?(\d|\.\d).*\Z|\{[^}]*\}\Z")
_NUMBER = re.compile(r"[+-]?(\d|\.\d|\{)")
_HARMLESS = (
    ".end", ".title", ".op", ".dc", ".ac", ".tran", ".tf", ".noise", ".sens", ".pz", ".disto", ".four", ".print", ".plot",
    ".save", ".probe", ".meas", ".width", ".backanno", ".csparam", ".wave", ".net", ".step", ".hb", ".sp", ".pss", ".alter",
    ".data", ".text",
)  # fmt: skip
_NO_VALUE = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*=\s*(?:\Z|(?=[A-Za-z_]\w*\s*=(?!=)))")
_NOT_IN_NAMES = frozenset("={}',\"")
_PAIRS = {")": "(", "}": "{"}
_NOT_BRACKETS = re.compile(r"[^(){}']+")


def check_text(source: NetlistSource, places: Places, dialect: str = "") -> None:
    """Refuse and warn of what the text alone shows.

    Raises:
        NetlistError: no element; brackets that do not pair (ngspice dies of them); a node's name that ngspice takes for an
            expression; an element without nodes; functions that call themselves; draws at random that would be misread; what
            makes ngspice read for ever.
    """
    control = found = False
    depth = 0
    for line in source.lines:
        text = line.text
        if control or text[:8].lower() == ".control":
            control = text.strip()[:5].lower() != ".endc"
            continue
        if ("(" in text or ")" in text or "{" in text or "}" in text or "'" in text) and text[:6].lower() != ".model":
            _check_brackets(line)
        refuse_deadly(line)
        if text[:1] == ".":
            _check_dot_card(line)
            depth += line.nesting
        elif not text[:1].isalpha() and text[:2] != "*#":
            raise line.error(f"no element begins with {text[:1]!r}: {text[:60]}")
        if text[:1].isalpha():
            found = found or not depth
            _check_element(line)
    if not found:
        lost = _lost(source, places)
        called = f": {lost}" if lost else _uncalled(source)
        raise NetlistError(f"holds no element{called}", source.title.file)
    check_functions(source.lines)
    check_drawn(source.lines, dialect)
    _warn(source, places, dialect)


PORTS = 12
"""Ports of a subcircuit that a message shows."""


def _uncalled(source: NetlistSource) -> str:
    """Names the subcircuit that could be meant, the last of the top level, and how to call it."""
    first = next((line for line in reversed(source.lines) if line.text[:7].lower() in (".subckt", ".macro ")), None)
    if first is None:
        return ""
    _, name, *ports = before_parameters(words(first.text))
    shown = ports if len(ports) <= PORTS else [*ports[:PORTS], "…"]
    call = " ".join(("X1", *shown, name))
    return f" outside of its subcircuits; to use {name}, defined at {first.where}, add a card '{call}' and sources"


def _check_brackets(line: Line) -> None:
    stack: list[str] = []
    for mark in _NOT_BRACKETS.sub("", line.text):
        if mark == "'" and "'" in stack:
            if stack.pop() != "'":
                break
        elif mark in "({'":
            stack.append(mark)
        elif not stack or stack.pop() != _PAIRS[mark]:
            raise line.error(f"{mark!r} closes nothing: {line.text[:60]}")
    if stack:
        raise line.error(f"{stack[-1]!r} is never closed: {line.text[:60]}")


def _check_values(line: Line) -> None:
    if (empty := _NO_VALUE.search(line.text)) is not None:
        raise line.error(f"{empty[1]}= has no value; give one, or delete it: {line.text[:60]}")


def _check_dot_card(line: Line) -> None:
    low = line.text.lower()
    if low.startswith((".param", ".subckt")):
        _check_values(line)
    named = low.split("(", 1)[0].split()[1:3]
    if low.startswith(".model") and (len(named) < 2 or _NOT_IN_NAMES & set("".join(named))):
        raise line.error(f".model needs a name and a type: {line.text[:60]}")
    if low.startswith(".temp") and not _TEMPERATURE.match(low[5:].strip()):
        raise line.error(f"ngspice would ignore this: write .temp and one number [°C]: {line.text[:60]}")
    if low.startswith((".ic", ".nodeset")):
        settings = _SETTING.findall(low.split(maxsplit=1)[-1].replace(" ", ""))
        if not settings or not all(_NODE_VOLTAGE.match(setting) for setting in settings):
            raise line.error(f"write v(node)=value: {line.text[:60]}")


def _check_element(line: Line) -> None:
    card = line.text.split(maxsplit=3)
    bare = line.text.lower().partition("=")[0].split()
    if "temper" in bare:
        what = "node 'temper'" if "temper" in bare[1:5] else "the word 'temper'"
        raise line.error(f"{what} of {card[0]}: ngspice takes it for the temperature, and dies of it; rename it")
    bad_marks = _NOT_IN_NAMES & set(card[0])
    if bad_marks:
        raise line.error(f"element {card[0]}: ngspice does not take {min(bad_marks)!r} in a name; rename it")
    _check_values(line)
    if card[0][0] in "kKxXaA":
        return
    if len(card) < 3:
        raise line.error(f"{card[0]} needs two nodes or more")
    for node in card[1:3]:
        if "=" in node or "{" in node or "'" in node or "," in node:
            bad = next(mark for mark in "={'," if mark in node)
            raise line.error(f"node {node!r} of {card[0]}: ngspice does not take {bad!r} in a name; rename the node")


def _warn(source: NetlistSource, places: Places, dialect: str) -> None:
    lost = _lost(source, places)
    if lost:
        warnings.warn(f"{source.title.where}: {lost}", HwlearnWarning, stacklevel=5)
    counts: dict[str, int] = {}
    for line, kind, text in _surprises(source, dialect):
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MOST_WARNINGS:
            warnings.warn(f"{line.where}: {text}", HwlearnWarning, stacklevel=5)
    for kind, count in counts.items():
        if count > MOST_WARNINGS:
            warnings.warn(
                f"{source.title.file}: {count - MOST_WARNINGS} more lines of the kind: {kind}", HwlearnWarning, stacklevel=5
            )


def _lost(source: NetlistSource, places: Places) -> str:
    """Says that the first line is lost, if it looks like a card; a title may begin with any word, so nodes must be in use."""
    line = source.title
    card = words(line.text)
    if has_title_only(line) or len(card) < 2:
        return ""
    if line.text.lower().startswith((".include", ".lib", ".param", ".subckt", ".model", ".global", ".option")):
        return f"the first line of a netlist is its title, so {card[0]} … is lost; put a title line before it"
    in_use = sum(node.lower() in places.nodes for node in card[1:3])
    if len(card) < 4 or not card[0][0].isalpha() or not card[0].isascii():
        return ""
    value = any(_NUMBER.match(word) for word in card[3:])
    if (in_use and value) or (in_use == 2 and any(character.isdigit() for character in card[0])):
        return f"the first line of a netlist is its title, so {card[0]} is lost; put a title line before it"
    return ""


def _surprises(source: NetlistSource, dialect: str) -> Iterator[tuple[Line, str, str]]:
    """(line, kind, warning) of values that ngspice reads otherwise than they look."""
    for line in source.lines:
        text = line.text
        start = text[:1]
        low = text[:6].lower()
        if start.isalpha() or low.startswith(".para"):
            if "M" in text:
                tail = text if start == "." else text.split(maxsplit=3)[-1]
                match = _MILLI.search(tail)
                if match:
                    value = match[0]
                    yield (
                        line,
                        "M is milli",
                        f"ngspice reads {value} as {match[1]} milli; write {match[1]}Meg if mega is meant",
                    )
            if start in "rRcClLvViI":
                card = text.split(maxsplit=5)
                value = card[3] if len(card) > 3 else ""
                if start in "rR" and len(card) > 4 and _VALUE.match(value) and _VALUE.match(card[4]):
                    yield line, "two values", f"ngspice reads {value} {card[4]} as {card[4]}; delete one of the two"
                if "," in value and (match := _COMMA.match(value)):
                    right = value.replace(".", "").replace(",", ".")
                    yield line, "decimal comma", f"ngspice reads {value} as {match[1]}: a comma separates; write {right}"
                elif dialect != "lt" and (match := _INFIX.match(value)):
                    letter = "" if match[2] in "rR" else match[2]
                    right = f"{match[1]}.{match[3]}{letter}"
                    yield line, "digits after a suffix", f"ngspice reads {value} as {match[1]}{letter}; write {right}"
        elif low.startswith(".opt") and _RSHUNT.search(text):
            yield line, "rshunt", "option rshunt would add a resistor to every node; it is left out"
    for line in source.dropped:
        if not line.text.lower().startswith(_HARMLESS):
            yield line, "unknown card", f"{line.text.split()[0]} is not understood and left out"
