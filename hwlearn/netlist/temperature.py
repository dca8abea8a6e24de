"""The word `temper`: ngspice's listing loses what hangs on it, so it is written as the number that it stands for."""

from __future__ import annotations

import re
from dataclasses import replace

from hwlearn.netlist.expanded import at_temperature
from hwlearn.netlist.source import NetlistSource

_TEMPER = re.compile(r"(?<![\w.$#@:])temper(?![\w.$#@:])", re.IGNORECASE)
_SETS = (".opt", ".temp", ".para", ".func")


def with_temperature(source: NetlistSource) -> NetlistSource:
    """The netlist with a number [°C] for each `temper`: a circuit is read, and learns, at one temperature.

    Raises:
        NetlistError: ngspice cannot tell the temperature; says why.
    """
    if not any("temper" in line.text.lower() and _TEMPER.search(line.text) for line in source.lines):
        return source
    cards = [line for line in source.lines if line.text.lower().startswith(_SETS) and not _TEMPER.search(line.text)]
    number = f"({at_temperature(source, cards)!r})"
    lines = (line._replace(text=_TEMPER.sub(number, line.text)) for line in source.lines)
    return replace(source, lines=tuple(lines))
