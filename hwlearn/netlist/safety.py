"""A netlist is code: what could run a command or touch a file is refused unless the netlist is trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from hwlearn.netlist.commands import CHANGING, COMMANDS, ENDING
from hwlearn.netlist.lines import Line
from hwlearn.netlist.source import NetlistSource

Control = Literal["ignore", "refuse", "trust"]
"""What becomes of commands in a netlist: they are left out, or the netlist is refused, or they run."""

_TRUST = "if you trust this netlist, say so: --trust-netlist, or trust=True"
_IGNORE = "to read the circuit without commands: control='ignore', or --set circuit.control=ignore"
_COMMAND_CARDS = (".exec", ".system", ".shell", ".hdl", ".osdi", ".pre_")
_OPENS_FILES = frozenset(
    {"d_process", "filesource", "d_cosim", "d_source", "d_state", "d_ram", "table2d", "table3d", "file_source", "numd",
     "numd2", "nbjt", "nbjt2", "numos"}
)  # fmt: skip
_FILE_PARAMETER = re.compile(r"\b\w*(?:file|simulation|process_params|rootfile)\s*=\s*[\"'\w./]", re.IGNORECASE)


def without_commands(source: NetlistSource, trust: bool, control: Control) -> NetlistSource:
    """The netlist with the commands that may run, and without those that are left out.

    Args:
        trust: whether cards may open files and start programs.
        control: what becomes of `.control` blocks and `*#` lines. With "trust", what ends ngspice or its circuit at the end
            of a block (`exit`, `quit`, `reset`, …) is left out.

    Raises:
        NetlistError: names file and line: an ngspice script; what ngspice would run or open; with "trust", a command that
            changes or replaces the circuit, of which the reader would not know.
    """
    if source.title.text.lstrip().lower().startswith("*ng_script"):
        raise source.title.error("is an ngspice script, not a netlist")
    if _is_decoration(source.title.text):
        source = replace(source, title=source.title._replace(text="*"))
    if control == "refuse" and source.title.text.lstrip().lower().startswith(("*#", ".control")):
        raise source.title.error(f"{_reason(source.title)}; {_IGNORE}; {_TRUST}")
    for line in (*_outside_blocks(source), *source.dropped):
        is_command = line.text.strip().lower().startswith(("*#", ".control"))
        if (control == "refuse" if is_command else not trust) and (reason := _reason(line)):
            raise line.error(f"{reason}; {_IGNORE}; {_TRUST}" if is_command else f"{reason}; {_TRUST}")
    return replace(source, lines=tuple(_allowed(source, control)))


def _outside_blocks(source: NetlistSource) -> Iterator[Line]:
    """The lines that are no commands of a `.control` block."""
    inside = False
    for line in source.lines:
        low = line.text.strip().lower()
        if not inside:
            yield line
        inside = not low.startswith(".endc") if inside else low.startswith(".control")


def _allowed(source: NetlistSource, control: Control) -> Iterator[Line]:
    inside = False
    for line in source.lines:
        low = line.text.strip().lower()
        command = low.startswith("*#")
        if inside or command or low.startswith(".control"):
            inside = not low.startswith(".endc") and (inside or not command)
            if control != "trust" or _is_decoration(line.text):
                continue
            word = low.removeprefix("*#").strip().partition(" ")[0]
            if word in CHANGING:
                raise line.error(
                    f"{word} changes or replaces the circuit, which hwlearn reads from the cards alone: write it into the "
                    f"cards; or {_IGNORE}"
                )
            if word in ENDING:
                continue
        yield line


def _is_decoration(text: str) -> bool:
    """True for a line `*####`, or `*# words`, whose first word is no command of ngspice."""
    low = text.strip().lower()
    word = low.removeprefix("*#").split(maxsplit=1)
    return low.startswith("*#") and (not word or word[0].strip("#;,:.") not in COMMANDS)


def _reason(line: Line) -> str:
    text = line.text.strip()
    start = text[:1].lower()
    if start not in "*.as":
        return ""
    low = text.lower()
    word = low.split(maxsplit=1)[0] if low else ""
    if word.startswith("*#"):
        return "" if _is_decoration(text) else "'*#' makes ngspice run the rest of the line as a command"
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
