"""`NJF` and `PJF`: SPICE's JFETs of level 1, as far as they matter at DC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.channel import JfetChannel
from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.field_effect import FieldEffect
from hwlearn.network.devices.junction import Junction
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.network.devices.semiconductor import heated, model_of, own_numbers
from hwlearn.network.devices.temperature import KELVIN, saturation_growth

_MODEL: Final = {
    "vto": -2.0, "beta": 1e-4, "lambda": 0.0, "rd": 0.0, "rs": 0.0, "is": 1e-14, "pb": 1.0, "b": 1.0, "tcv": 0.0, "vtotc": 0.0,
    "bex": 0.0, "betatce": 0.0, "xti": 0.0, "eg": 1.11,
}  # fmt: skip
"""Defaults; XTI counts only where it is given."""


@dataclass(frozen=True)
class Jfet(FieldEffect):
    """A channel that the gate controls, and a junction from the gate to each end.

    Attributes:
        transconductance: BETA [A/V²].
        tail: B. bend: (1 − B)/(PB − VTO) [1/V], with both where the model was measured.
        saturation: IS of each junction [A].
    """

    tail: float = 1.0
    bend: float = 0.0
    saturation: float = 1e-14

    letter: ClassVar = "j"
    terminals: ClassVar = ("drain", "gate", "source")
    parameters: ClassVar = (
        *FieldEffect.parameters,
        Parameter("tail", "1"),
        Parameter("bend", "1/V"),
        Parameter("saturation", "A", positive=True),
    )
    ignored: ClassVar = ("cgs", "cgd", "fc", "kf", "af", "nlev", "gdsnoi")

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        drain, source = self._inside("drain"), self._inside("source")
        channel = ("steep", "modulation", "threshold", "tail", "bend")
        return (
            self._branch(drain, source, JfetChannel, channel, (drain, source), ("gate", source)),
            self._branch("gate", drain, Junction, ("saturated", "thermal", "leaks")),
            self._branch("gate", source, Junction, ("saturated", "thermal", "leaks")),
            *self._ohmic("drain", "per_drain"),
            *self._ohmic("source", "per_source"),
        )

    @property
    def saturated(self) -> float:
        """IS [A] of the whole device."""
        return self.saturation * self.multiplier

    @property
    def leaks(self) -> float:
        """S beside each junction: GMIN times M."""
        return self.leak * self.multiplier

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) != 3:
            raise DeviceError("it needs three nodes: drain, gate, source")
        model, named = model_of(card, netlist, cls.model, ("1",), _MODEL, {"vt0": "vto"}, cls.ignored)
        own = own_numbers(card, {"area": 1.0}, ("ic-vds", "ic-vgs"))
        temperature, nominal, leak = heated(netlist, model, own)
        warmer, ratio = temperature - nominal, (temperature + KELVIN) / (nominal + KELVIN)
        steeper = 1.01 ** (model["betatce"] * warmer) if "betatce" in named else ratio ** model["bex"]
        above = model["vtotc"] * warmer if "vtotc" in named else -model["tcv"] * warmer
        room = model["pb"] - model["vto"]
        if not room:
            raise DeviceError("PB and VTO are the same, of which ngspice makes no number; change one of them")
        return cls(
            card.name,
            card.nodes,
            own["m"],
            temperature,
            leak,
            model["beta"] * steeper * own["area"],
            model["vto"] + above,
            model["lambda"],
            model["rd"] / own["area"],
            model["rs"] / own["area"],
            model["b"],
            (1 - model["b"]) / room,
            model["is"] * own["area"] * saturation_growth(temperature, nominal, model["eg"], model["xti"]),
        )

    def cards(self, names: Names) -> list[str]:
        law = {
            "beta": self.transconductance,
            "b": self.tail,
            "is": self.saturation,
        }
        if self.bend:
            law["pb"] = self.threshold + (1 - self.tail) / self.bend
        return self._written(names, law, {})


@dataclass(frozen=True)
class NJF(Jfet):
    """An n-channel JFET of level 1."""

    word: ClassVar = "n-channel jfet"
    model: ClassVar = "njf"


@dataclass(frozen=True)
class PJF(Jfet):
    """A p-channel JFET of level 1."""

    word: ClassVar = "p-channel jfet"
    model: ClassVar = "pjf"
    turned: ClassVar = True
