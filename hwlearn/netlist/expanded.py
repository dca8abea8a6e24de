"""What ngspice makes of a netlist: cards with subcircuits and parameters expanded, and the values of resistors and sources.

Values are not parsed here. Each resistor is put, with all its words, between ground and 1 V, each source into a circuit of its
own; one operating point then gives the conductance or the DC value as ngspice means it, models and temperature included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import NetlistError, SimulationError
from hwlearn.netlist.cards import node_count, words
from hwlearn.netlist.places import Places
from hwlearn.netlist.source import NetlistSource
from hwlearn.spice.messages import failures, summary
from hwlearn.spice.session import session

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

OPTIONS = frozenset(
    {"temp", "tnom", "gmin", "abstol", "reltol", "vntol", "itl1", "itl2", "itl4", "itl6", "pivrel", "pivtol", "gminsteps",
     "srcsteps", "defl", "defw", "defad", "defas", "defm", "scale"}
)  # fmt: skip
"""Options that change what elements are, or help convergence; the others (rshunt, savecurrents, …) are left out."""

CUT = 4095
"""Characters of a card that ngspice's listing shows; what stands behind them is lost without a word."""

_LISTED = re.compile(r"\s*\d+ : (.*)")
_VDMOS = re.compile(r"(\.model\s+\S+\s+vdmos)([np])\s*\(?")
_OPTIONS = re.compile(r"\.opt(ions?)?")
_OPTION = re.compile(r"([a-z_]\w*)(?:\s*=\s*(\S+))?")
_LINE = re.compile(r"line (?:no\. )?(\d+)", re.IGNORECASE)
_UNDEFINED = re.compile(r"undefined parameter \[(.+?)\]", re.IGNORECASE)
_WRONG_CALL = re.compile(r"too (few|many) parameters for subcircuit", re.IGNORECASE)
_CHATTER = re.compile(
    r"netlist line no|error on line|cannot recover|please check|cannot compute|^note:|^circuit:|no circuit|subsequent errors"
    r"|simulation interrupted|^\s*$|formula\(\) error",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Card:
    """An element as ngspice expands it: its words, of which the first `count` after the name are nodes."""

    words: tuple[str, ...]
    text: str
    count: int

    @property
    def name(self) -> str:
        """Lower-case name, such as `r1` or `r.x1.ra`."""
        return self.words[0]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Lower-case node names."""
        return self.words[1 : self.count + 1]

    @property
    def rest(self) -> tuple[str, ...]:
        """The words after the nodes."""
        return self.words[self.count + 1 :]


@dataclass(frozen=True)
class Expanded:
    """Elements in the order of ngspice's listing, and the cards that give them meaning (`.model`, `.options`, …)."""

    cards: tuple[Card, ...]
    directives: tuple[str, ...]


def expand(source: NetlistSource, places: Places) -> Expanded:
    """Let ngspice expand a netlist.

    Raises:
        NetlistError: ngspice does not read it; names the line where ngspice's messages tell one. Or a card is so long that
            its listing is cut.
    """
    deck = object()
    lines = [_without_temp(line) for line in source.deck]

    def load_and_list(shared: Shared) -> list[str]:
        here = session()
        here.add(shared, deck, lines)
        try:
            wrong = [line for line in shared.messages[1] if _WRONG_CALL.search(line)]
            if wrong:
                raise SimulationError(wrong[0], wrong)
            shared.forget()
            shared.command("listing e")
            return list(shared.messages[0])
        finally:
            here.remove(shared, deck)

    try:
        listing = session().run(load_and_list)
    except SimulationError as error:
        raise _located(error, source, places) from None

    listed = [match[1] for line in listing if (match := _LISTED.match(line))]
    for text in listed:
        if len(text) >= CUT:
            _refuse_cut(text, source, places)
    texts = [text.strip() for text in listed]
    models = {text.split()[1] for text in texts if text.startswith(".model") and len(text.split()) > 1}
    cards, directives = [], []
    for text in texts[1:]:
        if text[:1].isalpha():
            parts = tuple(words(text))
            cards.append(Card(parts, text, node_count(list(parts), models)))
        elif text.startswith((".model", ".nodeset", ".ic")):
            directives.append(_VDMOS.sub(r"\1 (\2chan ", text))  # as listed, ngspice reads it for ever
        elif text.startswith(".opt"):
            kept = [
                f"{key}={value}" if value else key for key, value in _OPTION.findall(_OPTIONS.sub("", text)) if key in OPTIONS
            ]
            if kept:
                directives.append(".options " + " ".join(kept))
    return Expanded(tuple(cards), tuple(directives))


def _refuse_cut(text: str, source: NetlistSource, places: Places) -> None:
    """Refuse a card that the listing may have cut, if it is one that tells what the circuit is."""
    first, second = (*text.split(maxsplit=2), "")[:2]
    if text[:1].isalpha():
        name, line = places.spelled(first), places.line(first)
    elif text.startswith((".model", ".nodeset", ".ic", ".opt")):
        model = re.split("[.:]", second)[-1] if first == ".model" else ""
        same = [line for line in source.lines if line.text.lower().startswith(first[:4]) and model in line.text.lower()]
        name, line = f"{first} {model}".strip(), max(same, key=lambda line: len(line.text), default=None)
    else:
        return
    message = (
        f"{name} is too long: ngspice shows {CUT} characters of a card, in which each number may take 22, and the rest would "
        "be lost. Share a sum or a product among several elements, or leave out the waveform, parameters or settings that the "
        "operating point does not need"
    )
    raise NetlistError(message, source.title.file) if line is None else line.error(message)


def measure(
    resistors: Sequence[Sequence[str]], sources: Sequence[tuple[str, str]], directives: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[tuple[int, str]]]:
    """Conductances (R,) [S] of resistors, DC values (S,) [V or A] of sources, and complaints as (resistor, text).

    Args:
        resistors: the words after the nodes, of each.
        sources: ("v" or "i", words after the nodes), of each.
        directives: `.model` and `.options` cards.
    """
    if not resistors and not sources:  # ngspice dies of `op` without an element
        return np.zeros(0), np.zeros(0), []
    lines = ["values", *(line for line in directives if line.startswith((".model", ".opt")))]
    for k, rest in enumerate(resistors):
        lines += [f"r{k} g{k} 0 {' '.join(rest)}", f"vg{k} g{k} 0 1"]
    for k, (kind, rest_text) in enumerate(sources):
        lines += [f"{kind}s{k} 0 s{k} {rest_text}", f"vs_{k} s{k} 0 0"] if kind == "i" else [f"vs{k} s{k} 0 {rest_text}"]
    lines.append(".end")
    deck = object()

    def load_and_read(shared: Shared) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
        here = session()
        here.add(shared, deck, lines)
        try:
            shared.command("op")
            said = list(shared.messages[1])
            if failures(said):
                raise SimulationError(f"ngspice cannot evaluate the values: {summary(failures(said))}", said)
            conductances = -shared.vectors([b"vg%d#branch" % k for k in range(len(resistors))], 1)[:, 0]
            names = [b"vs_%d#branch" % k if kind == "i" else b"s%d" % k for k, (kind, _) in enumerate(sources)]
            values = shared.vectors(names, 1)[:, 0]
            shared.command("destroy")
            return conductances, values, said
        finally:
            here.remove(shared, deck)

    conductances, values, said = session().run(load_and_read)
    complaints = [(int(match[1]), line) for line in said if (match := re.search(r"\br(\d+)\b.*resistance", line))]
    return conductances, values, complaints


def _without_temp(text: str) -> str:
    """`.temp T` as an option, which the listing shows with its expressions evaluated."""
    if text[:5].lower() != ".temp":
        return text
    return f".options temp={text[5:].strip().removeprefix('=').strip()}"


def _located(error: SimulationError, source: NetlistSource, places: Places) -> NetlistError:
    """ngspice's complaint with the file and line that it is about."""
    where = None
    for said in error.lines:
        match = _LINE.search(said)
        if match and 2 <= int(match[1]) <= len(source.lines) + 1:
            where = source.lines[int(match[1]) - 2]
            break
    bare = [said.strip() for said in error.lines if not _CHATTER.search(said)]
    if where is None and (match := _UNDEFINED.search(" ".join(error.lines))):
        user = re.compile(rf"\b{re.escape(match[1])}\b", re.IGNORECASE)
        where = next((line for line in source.lines if user.search(line.text)), None)
    if where is None:
        named = (places.line(word) for said in bare for word in said.lower().replace(":", " ").split()[:6])
        where = next((line for line in named if line is not None), None)
    what = summary(bare) or str(error)
    message = f"ngspice cannot read this: {what}"
    return NetlistError(message, source.title.file) if where is None else where.error(message)
