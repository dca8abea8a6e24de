"""`IdealDiode`: no voltage forward, no current backward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice
from hwlearn.network.devices.law import Branch, Law
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.text import write_number

STEEPEST = 0.01
"""N of the junction that stands for an ideal diode in ngspice. Its forward voltage is some 9 mV at 1 A and IS = 1e-14 A, and
falls in proportion to N; far below, ngspice does not converge."""


class Complementarity(Law):
    """i ≥ 0, Δv ≤ 0 and i Δv = 0, from anode to cathode: a relation, and no function of the voltage."""

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        raise DeviceError("the current of an ideal diode hangs on the circuit around it")


@dataclass(frozen=True)
class IdealDiode(ElementDevice):
    """A diode that conducts without a voltage, or blocks without a current.

    It reads all D cards of a network that lists it among its `laws`: ngspice gets the junctions that their models describe,
    the exact model the limit of N → 0. `deep_resistive` makes such networks.
    """

    word: ClassVar = "ideal diode"
    letter: ClassVar = "d"
    terminals: ClassVar = ("anode", "cathode")
    branches: ClassVar = (Branch("anode", "cathode", Complementarity),)

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) != 2 or len(card.rest) != 1:
            raise DeviceError("only 'D… anode cathode model' is understood")
        netlist.model(card, "d")
        return cls(card.name, card.nodes)

    def cards(self, names: Names) -> list[str]:
        model = names.own("", "dmodel")
        return [steepest(model), f"{names.card} {' '.join(names.nodes)} {model}"]


def steepest(model: str) -> str:
    """The line of a junction's model that stands for an ideal diode."""
    return f".model {model} d(is=1e-14 n={write_number(STEEPEST)})"
