"""A netlist with everything that it includes, read before ngspice sees any of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from hwlearn.errors import NetlistError
from hwlearn.files import is_given
from hwlearn.netlist.lines import Line, cards, is_comment, physical_lines
from hwlearn.netlist.renamed import Renamed

MOST_LINES = 20_000_000
"""Cards after which includes of includes are taken for an accident."""

DEEPEST = 100
"""How many files deep includes may go."""

KEPT = frozenset(
    {".model", ".subckt", ".ends", ".macro", ".eom", ".param", ".para", ".params", ".global", ".temp", ".opt", ".option",
     ".options", ".nodeset", ".ic", ".func", ".if", ".elseif", ".else", ".endif"}
)  # fmt: skip
"""Dot cards that say what the circuit is; analyses and output are dropped."""

_CARD = re.compile(r"\w*")
_QUOTED = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))\s*")


@dataclass(frozen=True)
class NetlistSource:
    """The flattened text: no card reads another file.

    Attributes:
        title: the first line of the netlist.
        lines: the cards, in order, `.control` blocks and `*#` lines among them.
        dropped: dot cards that do not say what the circuit is, such as `.tran` and `.print`.
        renamed: what its comments say that nodes and elements are called.
    """

    title: Line
    lines: tuple[Line, ...]
    dropped: tuple[Line, ...]
    renamed: Renamed

    @property
    def deck(self) -> list[str]:
        """What ngspice is given: line n of it (counted from 1) is card n − 2 of `lines`."""
        return ["netlist", *(line.text for line in self.lines), ".end"]


def read_source(path: str | PathLike[str], trust: bool = False) -> NetlistSource:
    """Read a netlist and what it includes by `.include` and `.lib`, relative to the including file.

    Raises:
        NetlistError: names file and line: cannot be read, not UTF-8, a missing file, files that include each other, and,
            unless `trust`, a file outside the netlist's own folder.
    """
    place = Path(path)
    lines = physical_lines(place, str(path))
    flat = _Flattener(place.absolute().parent.resolve(), trust)
    flat.add(lines[1:], place, ((place.resolve(), ""),))
    return NetlistSource(lines[0], tuple(flat.result), tuple(flat.dropped), Renamed(lines[1:]))


class _Flattener:
    def __init__(self, root: Path, trust: bool) -> None:
        self.root, self.trust = root, trust
        self.result: list[Line] = []
        self.dropped: list[Line] = []
        self.files: dict[Path, list[Line]] = {}

    def add(self, lines: list[Line], place: Path, open_files: tuple[tuple[Path, str], ...], inside: str = "") -> None:
        """Append the cards of one file, or of its section `inside`."""
        section = ""
        found = not inside
        made = list(cards(lines))
        defined = _sections(made)
        control = False
        for k, line in enumerate(made):
            word = line.text.lower().split(maxsplit=1)[0] if line.text.strip() else ""
            if control or word.startswith(".control"):
                control = not word.startswith(".endc")
                self.result.append(line)
            elif word.startswith(".endl"):
                section = ""
            elif k in defined:
                section = defined[k]
                found = found or section == inside
            elif section != inside:
                continue
            elif word.startswith((".inc", ".lib")):
                self._include(line, word, place, open_files)
            elif word[:1] != "." or word[: _CARD.match(word, 1).end()] in KEPT:  # type: ignore[union-attr]
                self.result.append(line)
                if len(self.result) > MOST_LINES:
                    raise line.error(f"more than {MOST_LINES} lines after all includes; do files include each other?")
            else:
                self.dropped.append(line)
        if not found:
            raise NetlistError(f"has no section .lib {inside} … .endl", lines[0].file if lines else str(place))

    def _include(self, line: Line, word: str, place: Path, open_files: tuple[tuple[Path, str], ...]) -> None:
        words = [next(filter(None, groups), "") for groups in _QUOTED.findall(line.text[len(word) :])]
        if not words or not words[0]:
            raise line.error(f"{word} without a file name")
        section = words[1].lower() if word.startswith(".lib") and len(words) > 1 else ""
        target = place.parent / words[0]
        try:
            real = target.resolve()
        except (OSError, RuntimeError):
            raise line.error(f"{word} {words[0]}: the path cannot be followed") from None
        if not self.trust and not real.is_relative_to(self.root):
            raise line.error(
                f"{word} {words[0]} lies outside the netlist's own folder; copy it there, or trust the netlist "
                "(--trust-netlist, trust=True)"
            )
        if not is_given(target):
            raise line.error(f"{word} {words[0]}: no such file; put it into {str(target.parent)!r} or delete the line")
        if (real, section) in open_files:
            raise line.error(f"{word} {words[0]}: the file includes itself")
        if len(open_files) > DEEPEST:
            raise line.error(f"includes are more than {DEEPEST} files deep")
        if real not in self.files:
            self.files[real] = physical_lines(target, str(target))
        self.add(self.files[real], target, (*open_files, (real, section)), section)


def _sections(made: list[Line]) -> dict[int, str]:
    """Where `.lib NAME` opens a section: a `.lib` with one word that a `.endl` follows before the next one."""
    defined: dict[int, str] = {}
    pending: int | None = None
    for k, line in enumerate(made):
        word = line.text[:5].lower()
        if word.startswith(".lib") and len(line.text.split()) == 2:
            pending = k
        elif word == ".endl" and pending is not None:
            defined[pending] = line_name(made[pending])
            pending = None
    return defined


def line_name(line: Line) -> str:
    """The second word of a card, lower case, without quotes."""
    words = line.text.split()
    return words[1].strip("'\"").lower() if len(words) > 1 else ""


def has_title_only(line: Line) -> bool:
    """True for a first line that is a comment, blank or a title card: nothing is lost by taking it as title."""
    return is_comment(line.text) or line.text.lower().lstrip().startswith(".title")
