"""The lines of one netlist file, as ngspice would join and strip them, each with its place."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hwlearn.errors import HwlearnWarning, NetlistError
from hwlearn.files import given

LONGEST = 1000
"""Characters of an error."""

_BREAK = re.compile(r"\r\n|\n|\r")
_END_MARK = "\x1a"
_COMMENT = re.compile(r"(?!^);|(?<=[ ,\t])\$|//")
_IGNORED_START = '=[]?()&%$"!:,;'
"""ngspice turns a line that starts with one of these into a comment."""


class Line(NamedTuple):
    """One card: continuation lines joined, comments gone; `number` is that of its first line in `file`."""

    file: str
    number: int
    text: str

    @property
    def where(self) -> str:
        """ "file:line"."""
        return f"{self.file}:{self.number}"

    @property
    def nesting(self) -> int:
        """1 where a subcircuit begins, −1 where one ends, 0 elsewhere."""
        start = self.text[:7].lower()
        return start.startswith((".subckt", ".macro")) - start.startswith((".ends", ".eom"))

    def error(self, message: str) -> NetlistError:
        """An error at this line, however long the words are that the message repeats."""
        return NetlistError(message if len(message) <= LONGEST else message[:LONGEST] + " …", self.file, self.number)


def physical_lines(path: Path, name: str) -> list[Line]:
    """The lines of a file as they stand, called `name` in errors.

    What is not UTF-8 is read as Latin-1, as old Windows programs write it, and the end mark of DOS files is dropped; a
    warning names the line of each.

    Raises:
        NetlistError: not to be read, or no text; names the line.
    """
    try:
        raw = given(path)
    except OSError as error:
        raise NetlistError(f"cannot be read: {error.strerror}", name) from None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NetlistError("is UTF-16 text; save it as UTF-8", name, 1)
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    text = _decoded(raw, name)
    if (end := text.find(_END_MARK)) >= 0 and not text[end:].strip(f"{_END_MARK}\r\n \t"):
        _warn(name, text[:end], "the DOS end mark (0x1A) is left out")
        text = text[:end]
    lines = [Line(name, number, line) for number, line in enumerate(_BREAK.split(text), 1)]
    if "\0" in text:
        raise next(line for line in lines if "\0" in line.text).error("holds a NUL character: not a text file")
    return lines


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _warn(name, raw[: error.start].decode("utf-8"), f"not UTF-8 (byte 0x{raw[error.start]:02x}), so read as Latin-1")
        return raw.decode("latin-1")


def _warn(name: str, before: str, text: str) -> None:
    warnings.warn(f"{name}:{len(_BREAK.findall(before)) + 1}: {text}", HwlearnWarning, stacklevel=6)


def is_comment(text: str) -> bool:
    """True for a line that ngspice skips as a whole."""
    start = text.lstrip()[:1]
    return not start or start == "*" or start in _IGNORED_START or text.lstrip().startswith("//")


def strip_comment(text: str) -> str:
    """A line without the comment that `;`, ` $` or `//` starts, and without the blanks around it."""
    match = _COMMENT.search(text)
    return (text if match is None else text[: match.start()]).strip()


def cards(lines: list[Line]) -> Iterator[Line]:
    """Join continuation lines, drop comments; the lines between `.control` and `.endc` stay as they are.

    Raises:
        NetlistError: a character beyond ASCII outside comments, which ngspice would garble.
    """
    held: Line | None = None
    more: list[str] = []
    control = False
    for line in lines:
        head = line.text.strip().lower()
        if control:
            control = not head.startswith(".endc")
            yield line
            continue
        if is_comment(line.text) and not head.startswith("*#"):
            continue
        text = line.text.strip() if head.startswith((".inc", "*#")) else strip_comment(line.text)
        if not text.isascii() and not head.startswith((".inc", ".lib", "*#")):
            raise line.error(_beyond_ascii(text))
        if text.startswith("+"):
            if held is None:
                raise line.error("continues a line, but none comes before it")
            more.append(text[1:])
            continue
        if held is not None:
            yield held._replace(text=" ".join((held.text, *more))) if more else held
        held, more = line._replace(text=text), []
        if head.startswith(".control"):
            yield held
            held, control = None, True
    if held is not None:
        yield held._replace(text=" ".join((held.text, *more))) if more else held


def _beyond_ascii(text: str) -> str:
    odd = next(character for character in text if not character.isascii())
    hint = {
        "\u00a7": "LTspice puts it into names like V\u00a7in: begin the name with the element's letter",
        "\u00b5": "write u instead",
        "\u03bc": "write u instead",
        "\u03a9": "leave it out",
        "\u2126": "leave it out",
    }.get(odd, "ngspice reads ASCII only: rename it")
    return f"has the character {odd!r}; {hint}"
