"""Which law a card of a netlist follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from hwlearn.errors import DeviceError
from hwlearn.netlist.cards import words
from hwlearn.network.devices import DEVICES, Card, Device, EdgeDevice, EdgeRead, ElementDevice, NetlistAround
from hwlearn.network.devices.netlist import OtherModel

if TYPE_CHECKING:
    from hwlearn.network.edges import Element

D = TypeVar("D", bound=Device)


def laws(kind: type[D], letter: str, first: Iterable[type[Device]] = ()) -> Iterator[type[D]]:
    """The laws of a kind that read cards with this letter: those of `first`, then the installed ones."""
    for law in dict.fromkeys((*first, *map(DEVICES.get, DEVICES))):
        if issubclass(law, kind) and law.letter == letter:
            yield law


def read_edge(card: Card, netlist: NetlistAround, first: Iterable[type[Device]] = ()) -> EdgeRead | None:
    """The edge that a card is; None if no law of edges begins with its letter.

    Raises:
        DeviceError: no law takes it; says why.
    """
    reasons = []
    for law in laws(EdgeDevice, card.letter, first):
        try:
            law.check_options(netlist.options)
            return law.read(card, netlist)
        except DeviceError as error:
            reasons.append(str(error))
    if reasons:
        raise DeviceError("; ".join(dict.fromkeys(reasons)))
    return None


def read_elements(
    elements: Sequence[Element],
    directives: Sequence[str],
    first: Iterable[type[Device]] = (),
    nodes: Iterable[str] = (),
) -> tuple[list[ElementDevice], list[str]]:
    """The devices that elements are, and what is said against the others, each with its line; `nodes` are all there are."""
    netlist, first = NetlistAround((), directives, nodes=nodes), tuple(first)
    found, refused = [], list[str]()
    for element in elements:
        card = Card(element.name, element.nodes, tuple(words(element.card.lower())[1 + len(element.nodes) :]))
        reasons, others = list[str](), list[str]()
        for law in laws(ElementDevice, card.letter, first):
            try:
                law.check_options(netlist.options)
                device = law.read(card, netlist)
                device.check()
                found.append(device)
                break
            except OtherModel as error:
                others.append(str(error))
            except DeviceError as error:
                reasons.append(str(error))
        else:
            why = "; ".join(dict.fromkeys(reasons or others))
            refused.append(": ".join((element.where, element.card, *([why] if why else []))))
    return found, refused
