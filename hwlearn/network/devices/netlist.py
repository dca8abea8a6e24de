"""What a law sees of a netlist when it reads its card, and what it is given when it writes one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from hwlearn.errors import DeviceError
from hwlearn.network.devices.models import models_of, options_of, parameters_of
from hwlearn.text import GROUND, parse_number

if TYPE_CHECKING:
    from hwlearn.network.devices.device import EdgeDevice


_VOLTAGE = re.compile(r"v\(\s*([^\s,()]+)\s*(?:,\s*([^\s,()]+)\s*)?\)")


class Card(NamedTuple):
    """A netlist's element as ngspice expands it.

    Attributes:
        name: with its letter first, as the netlist spells it.
        nodes: as the netlist spells them.
        rest: the words after the nodes, lower case; `name = value` is one word `name=value`.
    """

    name: str
    nodes: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def letter(self) -> str:
        """What kind of element it is for SPICE, lower case."""
        return self.name[:1].lower()


class EdgeRead(NamedTuple):
    """An edge that a law found in a netlist.

    Attributes:
        ends: nodes of its tail and head.
        conductance: of the edge [S].
        parts: names of other cards that belong to the device, as they are spelled, such as the voltage source of its gate.
    """

    device: EdgeDevice
    ends: tuple[str, str]
    conductance: float
    parts: tuple[str, ...] = ()


class Names(NamedTuple):
    """What a device that is written is called.

    Attributes:
        card: name of its card, beginning with the law's letter.
        nodes: of its terminals.
        own: gives a name that nothing else has to a source, node or model of the device: it begins with the letter that is
            asked for, and is the wanted one if that is free. The same question has the same answer.
    """

    card: str
    nodes: tuple[str, ...]
    own: Callable[[str, str], str]


class Cards(NamedTuple):
    """A device as ngspice gets it.

    Attributes:
        lines: cards and models.
        alter: ngspice's command that sets the edge, with %.17g for the setting.
    """

    lines: list[str]
    alter: str


class OtherModel(DeviceError):
    """A card whose model is of another type; another law may take it."""


class NetlistAround:
    """The netlist that a card stands in.

    Args:
        cards: all of it.
        directives: its `.model` and `.options`.
        values: DC values of its independent sources [V or A], by name.
        taken: names of sources and nodes that are inputs, lower case.
        nodes: names of all nodes that elements may name.
    """

    def __init__(
        self,
        cards: Iterable[Card] = (),
        directives: Sequence[str] = (),
        values: Mapping[str, float] | None = None,
        taken: Collection[str] = (),
        nodes: Iterable[str] = (),
    ) -> None:
        self._cards, self._directives, self._taken = tuple(cards), directives, frozenset(taken)
        self._values = {} if values is None else values
        self._nodes = {GROUND: GROUND, "gnd": GROUND, **{node.lower(): node for node in nodes}}

    @cached_property
    def models(self) -> dict[str, tuple[str, str]]:
        """(type, parameters as text) by name, all lower case."""
        return models_of(self._directives)

    @cached_property
    def options(self) -> dict[str, str]:
        """Values of the `.options`, by lower-case name."""
        return options_of(self._directives)

    def node(self, word: str) -> str:
        """A node as it is spelled, for a word of a card.

        Raises:
            DeviceError: there is none.
        """
        if word.lower() not in self._nodes:
            raise DeviceError(f"it names {word!r}, which is no node")
        return self._nodes[word.lower()]

    def model(self, card: Card, kind: str) -> dict[str, str]:
        """Parameters of the card's model, which is the first word after its nodes.

        Raises:
            OtherModel: there is none, or it is of another type.
        """
        found, text = self.models.get(card.rest[0] if card.rest else "", ("", ""))
        if found != kind:
            raise OtherModel(f"it needs a model of type {kind.upper()}" + (f", not {found.upper()}" if found else ""))
        return parameters_of(text)

    def own_source(self, card: Card, node: str) -> str:
        """Name of the voltage source from `node` to ground, where it is no input and no other card touches or watches the
        node.

        Raises:
            DeviceError: it is otherwise.
        """
        others = [other for other in self._users.get(node, ()) if other.name != card.name]
        if (
            card.nodes.count(node) > 1
            or len(others) != 1
            or others[0].letter != "v"
            or others[0].nodes != (node, GROUND)
            or {others[0].name.lower(), node.lower()} & self._taken
            or self._watchers.get(node.lower(), set()) - {card.name}
        ):
            raise DeviceError(f"{node} needs a DC voltage source to ground of its own, which is no input, and nothing else")
        return others[0].name

    def touching(self, node: str, watcher: Card, *letters: str) -> list[Card]:
        """The cards that touch a node, one for each letter, in their order, of which nothing else but `watcher` knows.

        Raises:
            DeviceError: others do.
        """
        found = [card for name, users in self._users.items() if name.lower() == node.lower() for card in users]
        ordered = [card for letter in letters for card in found if card.letter == letter]
        others = self._watchers.get(node.lower(), set()) - {card.name for card in (watcher, *ordered)}
        alone = len(found) == len(letters) and node.lower() not in self._taken and not others
        if not alone or [card.letter for card in ordered] != [*letters]:
            kinds = " and ".join(f"a {letter.upper()} card" for letter in letters)
            raise DeviceError(f"its node {node} must touch {kinds}, and nothing else")
        return ordered

    def value(self, source: str) -> float | None:
        """DC value of an independent source [V or A]; None if it has none."""
        return self._values.get(source)

    @cached_property
    def _users(self) -> dict[str, list[Card]]:
        users: dict[str, list[Card]] = {}
        for card in self._cards:
            for node in set(card.nodes):
                users.setdefault(node, []).append(card)
        return users

    @cached_property
    def _watchers(self) -> dict[str, set[str]]:
        """Names of the cards in whose expressions the voltage of a node stands, by the node, lower case."""
        watchers: dict[str, set[str]] = {}
        for card in (card for card in self._cards if card.letter in "beg"):
            for nodes in _VOLTAGE.findall(" ".join(card.rest)):
                for node in nodes:
                    watchers.setdefault(node, set()).add(card.name)
        return watchers


def numbers(
    words: Mapping[str, str], known: Mapping[str, float], ignored: Collection[str], signed: Collection[str] = ()
) -> dict[str, float]:
    """Numbers of a card's and a model's parameters; those that are not given have the value of `known`.

    Args:
        words: `name=value`, as `parameters_of` gives them.
        known: defaults, by name.
        ignored: parameters that change nothing at DC.
        signed: parameters that need not be positive.

    Raises:
        DeviceError: a parameter that is neither known nor ignored, or that is no number or not positive.
    """
    unknown = sorted(words.keys() - known.keys() - set(ignored))
    if unknown:
        *most, last = [name.upper() for name in known]
        listed = f"{', '.join(most)} and {last} are" if most else f"{last} is"
        raise DeviceError(f"it has {', '.join(unknown)}; only {listed} understood")
    found = dict(known)
    for name in known.keys() & words.keys():
        value = parse_number(words[name])
        if value is None or not abs(value) < float("inf") or not (value > 0 or name in signed):
            raise DeviceError(f"its {name} is {words[name]!r}; it must be {'' if name in signed else 'positive and '}finite")
        found[name] = value
    return found
