"""`Diode`: a junction with IS and N, at 27 °C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice, Parameter
from hwlearn.network.devices.junction import SHIFTED_BY, Junction
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.netlist import Card, Names, NetlistAround, numbers
from hwlearn.text import write_number


@dataclass(frozen=True)
class Diode(ElementDevice):
    """A diode: the law of `Junction`.

    Attributes:
        saturation: IS [A].
        emission: N.
    """

    saturation: float = 1e-14
    emission: float = 1.0

    word: ClassVar = "diode"
    letter: ClassVar = "d"
    terminals: ClassVar = ("anode", "cathode")
    branches: ClassVar = (Branch("anode", "cathode", Junction, ("saturation", "emission")),)
    parameters: ClassVar = (Parameter("saturation", "A", positive=True), Parameter("emission", "1", positive=True))
    shifted_by: ClassVar = SHIFTED_BY
    ignored: ClassVar = ("cjo", "cj0", "cj", "vj", "pb", "m", "mj", "tt", "fc", "eg", "xti", "kf", "af")

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) != 2 or len(card.rest) != 1:
            raise DeviceError("only 'D… anode cathode model' is understood")
        found = numbers(netlist.model(card, "d"), {"is": 1e-14, "n": 1.0}, cls.ignored)
        return cls(card.name, card.nodes, found["is"], found["n"])

    def cards(self, names: Names) -> list[str]:
        model = names.own("", "dmodel")
        numbers = f"is={write_number(self.saturation)} n={write_number(self.emission)}"
        return [f".model {model} d({numbers})", f"{names.card} {' '.join(names.nodes)} {model}"]
