"""Inductors, their couplings, and capacitors, as they are at DC: shorts, nothing, and open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.network.devices.device import ElementDevice
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.network.devices.ties import Tie


@dataclass(frozen=True)
class Reactive(ElementDevice):
    """An element whose value does not matter at DC.

    Attributes:
        rest: the words of its card after the nodes.
    """

    rest: str = ""

    branches: ClassVar[tuple[Branch, ...]] = ()

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        return cls(card.name, card.nodes, " ".join(card.rest))

    def cards(self, names: Names) -> list[str]:
        return [" ".join((names.card, *names.nodes, self.rest))]


@dataclass(frozen=True)
class Inductor(Reactive):
    """A short circuit at DC."""

    word: ClassVar = "inductor"
    letter: ClassVar = "l"
    terminals: ClassVar = ("plus", "minus")

    @property
    def ties(self) -> tuple[Tie, ...]:
        return (Tie("plus", "minus"),)


@dataclass(frozen=True)
class Coupling(Reactive):
    """The coupling of two inductors, which does nothing at DC."""

    word: ClassVar = "coupling"
    letter: ClassVar = "k"
    terminals: ClassVar = ()


@dataclass(frozen=True)
class Capacitor(Reactive):
    """An open circuit at DC."""

    word: ClassVar = "capacitor"
    letter: ClassVar = "c"
    terminals: ClassVar = ("plus", "minus")
