"""`ControlledSource`: what E, F, G, H and linear B cards have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice, Parameter
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.linear import LinearForm, LinearLaw
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.network.devices.ties import Mirror, Tie
from hwlearn.text import GROUND, parse_number, write_number

_SENSE = 1e-3
"""Conductance [S] that makes a voltage of a sensed current."""


@dataclass(frozen=True)
class ControlledSource(ElementDevice):
    """A source from plus to minus, linear in other voltages and in currents of other sources.

    Attributes:
        nodes: plus and minus, then those of `gains`, two for each.
        constant: V or A.
        gains: V/V or S, one for each pair of controlling nodes.
        ratios: (name of a source, Ω or A/A) each.
    """

    constant: float = 0.0
    gains: tuple[float, ...] = ()
    ratios: tuple[tuple[str, float], ...] = ()

    passive: ClassVar[bool] = False
    parameters: ClassVar = (Parameter("constant", ""),)

    @property
    def terminals(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("plus", "minus", *(end for pair in self._pairs for end in pair))

    @property
    def _pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple((f"over {k}", f"under {k}") for k in range(len(self.gains)))

    @classmethod
    @abstractmethod
    def form(cls, card: Card, netlist: NetlistAround) -> LinearForm:
        """What controls the source.

        Raises:
            DeviceError: it is not linear, or not understood.
        """

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        form = cls.form(card, netlist)
        nodes = (*card.nodes[:2], *(node for pair, _ in form.volts for node in pair))
        return cls(card.name, nodes, form.constant, tuple(gain for _, gain in form.volts), form.currents)

    def cards(self, names: Names) -> list[str]:
        plus, minus, *ends = names.nodes
        pairs = zip(ends[::2], ends[1::2], strict=True)
        terms = [write_number(self.constant)]
        terms += [f"{write_number(gain)}*v({one},{other})" for gain, (one, other) in zip(self.gains, pairs, strict=True)]
        terms += [f"{write_number(ratio)}*i({source})" for source, ratio in self.ratios]
        return [f"{names.card} {plus} {minus} {self._written(terms)}"]

    @abstractmethod
    def _written(self, terms: list[str]) -> str:
        """The words of a card, for a sum."""


@dataclass(frozen=True)
class VoltageMade(ControlledSource):
    """One that makes a voltage. A current that controls it is copied into a conductance inside."""

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        return tuple(Branch(name, GROUND, LinearLaw, ("_sense", "_nothing")) for name in self.inner)

    @property
    def inner(self) -> tuple[str, ...]:
        return tuple(f"sense {k}" for k in range(len(self.ratios)))

    @property
    def ties(self) -> tuple[Tie, ...]:
        gains = [(one, other, gain) for (one, other), gain in zip(self._pairs, self.gains, strict=True)]
        gains += [(name, GROUND, ratio * _SENSE) for name, (_, ratio) in zip(self.inner, self.ratios, strict=True)]
        return (Tie("plus", "minus", tuple(gains), self.constant),)

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        return tuple(Mirror(GROUND, name, of, 1.0) for name, (of, _) in zip(self.inner, self.ratios, strict=True))

    _sense: ClassVar = (_SENSE,)
    _nothing: ClassVar = 0.0

    def _written(self, terms: list[str]) -> str:
        return f"v={'+'.join(terms)}"


@dataclass(frozen=True)
class CurrentMade(ControlledSource):
    """One that makes a current, from plus through it to minus."""

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        if not (self.gains or self.constant):
            return ()
        return (Branch("plus", "minus", LinearLaw, ("_gains", "constant"), self._pairs),)

    @property
    def _gains(self) -> tuple[float, ...]:
        return self.gains or (0.0,)

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        return tuple(Mirror("plus", "minus", of, ratio) for of, ratio in self.ratios)

    def _written(self, terms: list[str]) -> str:
        return f"i={'+'.join(terms)}"


def controls_and_gain(card: Card, controls: int) -> tuple[tuple[str, ...], float]:
    """So many words after the nodes, and the gain, times M.

    Raises:
        DeviceError: there are others.
    """
    words = [word for word in card.rest if not word.startswith("m=")]
    numbers = [parse_number(word) for word in (*words[controls:], *(word[2:] for word in card.rest if word.startswith("m=")))]
    if len(words) != controls + 1 or any(number is None for number in numbers):
        raise DeviceError("only its controls and a gain, or a linear POLY, are understood")
    return tuple(words[:controls]), math.prod(number for number in numbers if number is not None)


def poly_of(card: Card) -> str:
    """What stands behind POLY; "" without."""
    text = " ".join(card.rest)
    return text[4:] if text.startswith("poly") else ""
