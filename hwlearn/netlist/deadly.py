"""Cards of which ngspice 39 dies, or which it reads for ever."""

from __future__ import annotations

import re

from hwlearn.netlist.lines import Line

_WHOLE = re.compile(r"\{[^{}]*\}|\([^()]*\)|'[^']*'")
_EXPRESSION = re.compile(r"'[^']*'|\{[^}]*\}")
_COMMA_BETWEEN = re.compile(r"\S,\s*\S")
_VDMOS = re.compile(r"\.model\s+(?!\S*vdmos)\S+\s+vdmos((\s+|\s*\([^()]*\))((?!vdmos)[^()])*)?\Z")
_REPEATS = re.compile(r"(?!.*pwl.*\br\b).*\br(\s*=|\s+[\d.+-])")


def refuse_deadly(line: Line) -> None:
    """Refuse a card that would end Python or hold it.

    Raises:
        NetlistError: names file and line.
    """
    low = line.text.lower()
    start = low[:1]
    if start in "vi":
        _refuse_source(line, low)
    elif start in "yp":
        why = "ngspice dies of its second analysis, or of unloading it before the first"
        raise line.error(
            f"{_name(line)} is a line of type TXL or CPL: {why}; give its model R and length as numbers, for as many "
            "conductors as it has, so that it is read as resistors; or use a T or O element"
        )
    elif start == "k" and not all(word.startswith("l") for word in low.split()[1:3]):
        raise line.error(
            f"{_name(line)} couples what is no coil, of which ngspice dies; name two L elements: {line.text[:60]}"
        )
    elif low.startswith((".subckt", ".macro")) and "=" in "".join(low.split()[1:2]):
        raise line.error(f"a subcircuit needs a name without '=': {line.text[:60]}")
    elif low.startswith((".para", ".subckt", ".macro")) and _COMMA_BETWEEN.search(_brackets_closed(low.partition("=")[2])):
        raise line.error(f"ngspice reads a comma between parameters for ever; write a blank: {line.text[:60]}")
    elif low.startswith(".model") and (low.count("'") % 2 or low.count("{") != low.count("}")):
        raise line.error(f"a quotation or brace is never closed, of which ngspice dies: {line.text[:60]}")
    elif low.startswith(".model") and "temper" in low and _temper_without_name(low):
        raise line.error(f"an expression with temper stands for no parameter, of which ngspice dies: {line.text[:60]}")
    elif low.startswith(".model") and "vdmos" in low and not _VDMOS.match(low):
        raise line.error(f"ngspice dies of this: write .model NAME vdmos (…), without vdmos elsewhere: {line.text[:60]}")


def _refuse_source(line: Line, low: str) -> None:
    if low.startswith("i("):
        raise line.error(f"element {_name(line)}: ngspice takes the name for a current and reads it for ever; rename it")
    value = low.split(maxsplit=3)[3:]
    if value and _REPEATS.match(_WHOLE.sub("_", value[0])):
        raise line.error(f"{_name(line)} has r= without a PWL before it, of which ngspice dies: {line.text[:60]}")
    if value and "portnum" in value[0] and "z0" not in value[0]:
        raise line.error(f"{_name(line)} is a port without a z0, of which ngspice dies; write z0=50")


def _temper_without_name(model: str) -> bool:
    text = re.sub(r"\s*=\s*", "=", model)
    found = (match for match in _EXPRESSION.finditer(text) if "temper" in match[0])
    return any(not re.search(r"\w=\Z", text[: match.start()]) for match in found)


def _name(line: Line) -> str:
    return line.text.split(maxsplit=1)[0]


def _brackets_closed(text: str) -> str:
    """The text with each bracket and quotation as one letter."""
    count = 1
    while count:
        text, count = _WHOLE.subn("_", text)
    return text
