"""MOS cards of a netlist as edges with a gate to learn: `read_transistors` and `transistor_cards`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from hwlearn.netlist.cards import kind_of
from hwlearn.netlist.expanded import Card
from hwlearn.netlist.models import models_of, parameters_of
from hwlearn.network.transistors import Transistor
from hwlearn.text import GROUND, parse_number, write_number

_DEFAULTS = {"level": 1.0, "kp": 2e-5, "vto": 0.0, "is": 1e-14}
_WIDTH = _LENGTH = 1e-4
_SHIFTED_BY = ("temp=", "tnom=", "gmin=", "scale=", "defw=", "defl=")


class Found(NamedTuple):
    """A transistor and the card of its gate's source."""

    transistor: Transistor
    source: Card


class TransistorNames(NamedTuple):
    """What the card of a transistor, its gate's source and node, and its model are called."""

    card: str
    source: str
    gate: str
    model: str


def read_transistors(
    cards: Sequence[Card], directives: Sequence[str], taken: Collection[str], node: Callable[[str], str]
) -> tuple[dict[str, Found], dict[str, str]]:
    """The edges among the M cards, by name, and why the other M cards are none.

    An edge is an NMOS of level 1 with no parameters beside KP, VTO, IS, W and L, whose gate is fed by a voltage source to
    ground and touches nothing else.

    Args:
        cards: of the whole netlist, expanded.
        directives: its `.model` and `.options`.
        taken: names of sources and nodes that are inputs, lower case.
        node: spelling of a node.
    """
    models, users = models_of(directives), dict[str, list[Card]]()
    for card in cards:
        for name in set(card.nodes):
            users.setdefault(name, []).append(card)
    behavioural = " ".join(card.text for card in cards if kind_of(card.name) in "beg")
    found, others = dict[str, Found](), dict[str, str]()
    for card in cards:
        if kind_of(card.name) != "m":
            continue
        try:
            source = _gate_source(card, users, behavioural, taken)
            values = _values(card, models, directives)
        except ValueError as error:
            others[card.name] = str(error)
            continue
        transconductance = values["kp"] * values.get("w", _WIDTH) / values.get("l", _LENGTH)
        bulk = node(card.nodes[3])
        found[card.name] = Found(
            Transistor(card.name, transconductance, values["vto"], bulk, values["is"], source.name), source
        )
    return found, others


def _gate_source(card: Card, users: Mapping[str, Sequence[Card]], behavioural: str, taken: Collection[str]) -> Card:
    if len(card.nodes) != 4:
        raise ValueError("it needs four nodes: drain, gate, source, bulk")
    gate = card.nodes[1]
    others = [other for other in users[gate] if other is not card]
    if (
        card.nodes.count(gate) != 1
        or len(others) != 1
        or kind_of(others[0].name) != "v"
        or others[0].nodes != (gate, GROUND)
        or {others[0].name, gate} & set(taken)
        or re.search(rf"v\(\s*{re.escape(gate)}\s*[,)]", behavioural)
    ):
        raise ValueError(
            f"its gate {gate} needs a DC voltage source to ground of its own, which is no input, and nothing else"
        )
    return others[0]


def _values(card: Card, models: Mapping[str, tuple[str, str]], directives: Sequence[str]) -> dict[str, float]:
    kind, text = models.get(card.rest[0] if card.rest else "", ("", ""))
    if kind != "nmos":
        raise ValueError("it needs a model of type NMOS")
    given = parameters_of(text)
    given |= {key: value for key, _, value in (word.partition("=") for word in card.rest[1:])}
    unknown = sorted(given.keys() - {*_DEFAULTS, "w", "l"})
    if unknown:
        raise ValueError(f"it has {', '.join(unknown)}; only KP, VTO, IS, W and L are understood")
    numbers = {name: parse_number(word) for name, word in given.items()}
    values = _DEFAULTS | {name: value for name, value in numbers.items() if value is not None}
    wrong = [name for name, value in numbers.items() if value is None or (name != "vto" and value <= 0)]
    if wrong or values["level"] != 1:
        raise ValueError(f"its {wrong[0] if wrong else 'level'} is {given[wrong[0] if wrong else 'level']!r}")
    shifted = [line for line in directives if line.startswith(".opt") and any(word in line for word in _SHIFTED_BY)]
    if shifted:
        raise ValueError(f"its law is known at 27 °C and default options only, not with '{shifted[0]}'")
    return values


def transistor_cards(
    transistor: Transistor, conductance: float, ends: tuple[str, str], bulk: str, names: TransistorNames
) -> list[str]:
    """What ngspice makes the edge of: its model, its card, and the source of its gate."""
    law = f"kp={write_number(transistor.transconductance)} vto={write_number(transistor.threshold)}"
    size = f"w={write_number(_WIDTH)} l={write_number(_LENGTH)}"
    return [
        f".model {names.model} nmos(level=1 {law} is={write_number(transistor.saturation)})",
        f"{names.card} {ends[0]} {names.gate} {ends[1]} {bulk} {names.model} {size}",
        f"{names.source} {names.gate} {GROUND} dc {write_number(transistor.gate_voltage(conductance))}",
    ]
