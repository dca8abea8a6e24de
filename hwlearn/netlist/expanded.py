"""What ngspice makes of a netlist: cards with subcircuits and parameters expanded, and the values of resistors and sources.

Values are not parsed here. Each resistor is put, with all its words, between ground and 1 V, each source into a circuit of its
own; one operating point then gives the conductance or the DC value as ngspice means it, models and temperature included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import NetlistError, SimulationError
from hwlearn.netlist.cards import node_count, words
from hwlearn.netlist.lines import Line
from hwlearn.netlist.originals import as_written, with_all_digits
from hwlearn.netlist.places import Places
from hwlearn.netlist.shown import Shown, letters, show
from hwlearn.netlist.source import NetlistSource
from hwlearn.spice.apart import DeadError, EndlessError, apart, apart_anew
from hwlearn.spice.dialects import advice, guess, whole
from hwlearn.spice.messages import failures, summary
from hwlearn.spice.session import session
from hwlearn.spice.workplace import has_commands

if TYPE_CHECKING:
    from hwlearn.spice.shared import Shared

OPTIONS = frozenset(
    {"temp", "tnom", "gmin", "abstol", "reltol", "vntol", "itl1", "itl2", "itl4", "itl6", "pivrel", "pivtol", "gminsteps",
     "srcsteps", "defl", "defw", "defad", "defas", "defm", "scale", "badmos3"}
)  # fmt: skip
"""Options that change what elements are, or help convergence; the others (rshunt, savecurrents, …) are left out."""

CUT = 4095
"""Characters of a card that ngspice's listing shows; what stands behind them is lost without a word."""

_LISTED = re.compile(r"\s*\d+ : (.*)")
_CALL = re.compile(r"\b([a-z_]\w*) \(")
"""A function as it is listed, which ngspice reads as a parameter."""

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
    """Elements in the order of ngspice's listing, and the cards that give them meaning (`.model`, `.options`, …).

    Attributes:
        shown: what ngspice had of models and elements when it listed them; empty where it cannot be asked.
    """

    cards: tuple[Card, ...]
    directives: tuple[str, ...]
    shown: Shown


def expand(source: NetlistSource, places: Places, dialect: str = "") -> Expanded:
    """Let ngspice expand a netlist of a dialect.

    Raises:
        NetlistError: ngspice does not read it; names the line where ngspice's messages tell one. Or a card is so long that
            its listing is cut; or nothing is left, as with `.if (0)`.
    """
    lines = [_without_temp(line) for line in source.deck]
    try:
        listing, shown = _listed_and_shown(lines, whole(dialect))
    except SimulationError as error:
        raise _located(error, source, places, dialect) from None

    listed = [match[1] for line in listing if (match := _LISTED.match(line))]
    functions = [line for line in source.lines if line.text[:5].lower() == ".func"]
    texts = []
    for text in listed:
        line = places.line(text.split(maxsplit=1)[0]) if text.startswith("b") else None
        original = as_written(text, line, CUT)
        if len(text) >= CUT and original is None:
            _refuse_cut(text, source, places)
        expanded = text.strip() if line is None else with_all_digits(text.strip(), (line, *functions))
        texts.append(expanded if original is None else original)
    models = {text.split()[1] for text in texts if text.startswith(".model") and len(text.split()) > 1}
    cards, directives = [], []
    for text in texts[1:]:
        if text[:1].isalpha():
            card = _CALL.sub(r"\1(", text) if text[0] == "b" else text
            parts = tuple(words(card))
            cards.append(Card(parts, card, node_count(list(parts), models)))
        elif text.startswith((".model", ".nodeset", ".ic")):
            directives.append(_VDMOS.sub(r"\1 (\2chan ", text))  # as listed, ngspice reads it for ever
        elif text.startswith(".opt"):
            kept = [
                f"{key}={value}" if value else key for key, value in _OPTION.findall(_OPTIONS.sub("", text)) if key in OPTIONS
            ]
            if kept:
                directives.append(".options " + " ".join(kept))
    if not cards:
        raise NetlistError("ngspice expands it to no element", source.title.file)
    return Expanded(tuple(cards), tuple(directives), shown)


def _listed_and_shown(lines: list[str], dialect: str) -> tuple[list[str], Shown]:
    """What ngspice lists of a deck, and what it has of its models and elements, unless it dies of being asked."""
    if has_commands(lines):
        return apart_anew(load_and_list, lines, dialect), {}
    try:
        return apart(load_list_and_show, lines, dialect)
    except EndlessError:
        raise
    except DeadError:
        return apart(load_and_list, lines, dialect), {}


def load_and_list(lines: list[str], dialect: str = "") -> list[str]:
    """What ngspice lists of a deck.

    Raises:
        SimulationError: it does not take the deck.
    """
    return _load(lines, dialect, lambda _: {})[0]


def load_list_and_show(lines: list[str], dialect: str = "") -> tuple[list[str], Shown]:
    """What ngspice lists of a deck, and what `show` tells of the same load: what is drawn at random is drawn once.

    Raises:
        SimulationError: it does not take the deck.
    """

    def ask(shared: Shared) -> Shown:
        return show(
            shared, letters(line for text in shared.messages[0] if (match := _LISTED.match(text)) for line in [match[1]])
        )

    return _load(lines, dialect, ask)


def _load(lines: list[str], dialect: str, ask: Callable[[Shared], Shown]) -> tuple[list[str], Shown]:
    """The listing of a deck, and the answer to what else is asked while it is loaded."""
    deck = object()

    def load(shared: Shared) -> tuple[list[str], Shown]:
        here = session()
        here.add(shared, deck, lines, dialect)
        try:
            wrong = [line for line in shared.messages[1] if _WRONG_CALL.search(line)]
            if wrong:
                raise SimulationError(wrong[0], wrong)
            shared.forget()
            shared.command("listing e")
            return list(shared.messages[0]), ask(shared)
        finally:
            here.remove(shared, deck)

    return session().run(load)


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
    resistors: Sequence[Sequence[str]], sources: Sequence[tuple[str, str]], directives: Sequence[str], dialect: str = ""
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
    names = [b"vs_%d#branch" % k if kind == "i" else b"s%d" % k for k, (kind, _) in enumerate(sources)]
    found, said = apart(load_and_solve, lines, [*(b"vg%d#branch" % k for k in range(len(resistors))), *names], dialect)
    complaints = [(int(match[1]), line) for line in said if (match := re.search(r"\br(\d+)\b.*resistance", line))]
    return -found[: len(resistors)], found[len(resistors) :], complaints


def has_value(kind: str, words_of_value: str, directives: Sequence[str], dialect: str) -> bool:
    """Whether ngspice finds a value of a source alone; see `measure`."""
    try:
        measure([], [(kind, words_of_value)], directives, dialect)
    except SimulationError:
        return False
    return True


def load_and_solve(lines: list[str], vectors: list[bytes], dialect: str = "") -> tuple[NDArray[np.float64], list[str]]:
    """Values (V,) of vectors at the operating point of a deck, and what ngspice says of it.

    Raises:
        SimulationError: ngspice does not take the deck, or finds no operating point.
    """
    deck = object()

    def load(shared: Shared) -> tuple[NDArray[np.float64], list[str]]:
        here = session()
        here.add(shared, deck, lines, dialect)
        try:
            shared.command("op")
            said = list(shared.messages[1])
            if failures(said):
                raise SimulationError(f"ngspice cannot evaluate the values: {summary(failures(said))}", said)
            values = shared.vectors(vectors, 1)[:, 0]
            shared.command("destroy")
            return values, said
        finally:
            here.remove(shared, deck)

    return session().run(load)


def at_temperature(source: NetlistSource, cards: Sequence[Line]) -> float:
    """The circuit's temperature [°C] by its options and parameters.

    Raises:
        NetlistError: ngspice cannot read them.
    """
    lines = ["temperature", *(_without_temp(line.text) for line in cards), "b1 t 0 v=temper", "r1 t 0 1", ".end"]
    try:
        return float(apart(load_and_solve, lines, [b"t"])[0][0])
    except SimulationError as error:
        raise NetlistError(f"the temperature cannot be told: {error}", source.title.file) from None


def _without_temp(text: str) -> str:
    """`.temp T` as an option, which the listing shows with its expressions evaluated."""
    if text[:5].lower() != ".temp":
        return text
    return f".options temp={text[5:].strip().removeprefix('=').strip()}"


def _located(error: SimulationError, source: NetlistSource, places: Places, dialect: str) -> NetlistError:
    """ngspice's complaint with the file and line that it is about."""
    where = None
    for said in error.lines:
        match = _LINE.search(said)
        if match and 2 <= int(match[1]) <= len(source.lines) + 1:
            where = source.lines[int(match[1]) - 2]
            break
    bare = [said.strip() for said in error.lines if not _CHATTER.search(said)]
    if match := _UNDEFINED.search(" ".join(error.lines)):
        user = re.compile(rf"\b{re.escape(match[1])}\b", re.IGNORECASE)
        if where is None or not user.search(where.text):  # of a parameter inside a subcircuit, ngspice tells the call
            where = next((line for line in source.lines if user.search(line.text)), where)
    if where is None:
        cards = {" ".join(line.text.lower().split()): line for line in source.lines}
        quoted = (" ".join(said.lower().rpartition(": ")[2].split()) for said in bare)
        where = next((cards[said] for said in quoted if said in cards), None)
    if where is None:
        named = (places.line(word) for said in bare for word in said.lower().replace(":", " ").split()[:6])
        where = next((line for line in named if line is not None), None)
    what = summary(bare) or str(error)
    message = f"ngspice cannot read this: {what}{advice(what) or _other_dialect(source, dialect)}"
    return NetlistError(message, source.title.file) if where is None else where.error(message)


def _other_dialect(source: NetlistSource, dialect: str) -> str:
    """Which dialect the file's own marks tell, if none was given."""
    found = None if dialect else guess(line.text for line in (source.title, *source.dropped, *source.lines))
    return f"; {found[1]}: try --dialect {found[0]}, or dialect={found[0]!r}" if found else ""
