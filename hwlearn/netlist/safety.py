"""A netlist is code: what could run a command or touch a file is refused unless the netlist is trusted."""

from __future__ import annotations

import re

from hwlearn.netlist.lines import Line
from hwlearn.netlist.source import NetlistSource

_TRUST = "if you trust this netlist, say so: --trust-netlist, or trust=True"
_COMMAND_CARDS = (".exec", ".system", ".shell", ".hdl", ".osdi", ".pre_")
_OPENS_FILES = frozenset(
    {"d_process", "filesource", "d_cosim", "d_source", "d_state", "d_ram", "table2d", "table3d", "file_source", "numd",
     "numd2", "nbjt", "nbjt2", "numos"}
)  # fmt: skip
_FILE_PARAMETER = re.compile(r"\b\w*(?:file|simulation|process_params|rootfile)\s*=\s*[\"'\w./]", re.IGNORECASE)


def refuse_commands(source: NetlistSource, trust: bool) -> None:
    """Refuse what ngspice would run or open, in `source` without `trust`; an ngspice script is refused always.

    Raises:
        NetlistError: names file and line.
    """
    if source.title.text.lstrip().lower().startswith("*ng_script"):
        raise source.title.error("is an ngspice script, not a netlist")
    if trust:
        return
    if source.title.text.lstrip().lower().startswith(("*#", ".control")):
        raise source.title.error(f"{_reason(source.title)}; {_TRUST}")
    for line in (*source.lines, *source.dropped):
        reason = _reason(line)
        if reason:
            raise line.error(f"{reason}; {_TRUST}")


def _reason(line: Line) -> str:
    text = line.text.strip()
    start = text[:1].lower()
    if start not in "*.as":
        return ""
    low = text.lower()
    word = low.split(maxsplit=1)[0] if low else ""
    if word.startswith("*#"):
        return "'*#' makes ngspice run the rest of the line as a command"
    if word.startswith(".control"):
        return "a .control block runs commands"
    if word.startswith(_COMMAND_CARDS) or word == "shell":
        return f"{word} runs commands"
    if start == "a":
        return f"{text.split()[0]} is an XSPICE code model, which may open files or start programs"
    if word.startswith(".model"):
        kind = re.split(r"[\s(]+", low)
        if (len(kind) > 2 and kind[2] in _OPENS_FILES) or _FILE_PARAMETER.search(text):
            return "this model reads or writes files, or starts programs"
    return ""
