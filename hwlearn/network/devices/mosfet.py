"""`NMOS` and `PMOS`: SPICE's MOSFETs of level 1, as far as they matter at DC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.bulk_junction import BulkJunction
from hwlearn.network.devices.channel import MosChannel
from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.field_effect import FieldEffect
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.mosfet_model import MODEL, of_process
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.network.devices.semiconductor import heated, model_of, own_numbers
from hwlearn.network.devices.temperature import KELVIN, band_gap, junction_potential, option, thermal_voltage


@dataclass(frozen=True)
class Mosfet(FieldEffect):
    """A channel that gate and bulk control, and a junction from the bulk to each end.

    Attributes:
        transconductance: KP W / (L − 2 LD) [A/V²].
        body: GAMMA [√V]. surface: PHI [V].
        drain_saturation, source_saturation: IS of the junctions [A], or JS times their areas.
    """

    body: float = 0.0
    surface: float = 0.6
    drain_saturation: float = 1e-14
    source_saturation: float = 1e-14

    letter: ClassVar = "m"
    terminals: ClassVar = ("drain", "gate", "source", "bulk")
    parameters: ClassVar = (
        *FieldEffect.parameters,
        Parameter("body", "√V", negative=False),
        Parameter("surface", "V", positive=True),
        Parameter("drain_saturation", "A", negative=False),
        Parameter("source_saturation", "A", negative=False),
    )
    ignored: ClassVar = ("cbd", "cbs", "pb", "cgso", "cgdo", "cgbo", "cj", "mj", "cjsw", "mjsw", "fc", "kf", "af")
    shifted_by: ClassVar = ("scale",)

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        drain, source = self._inside("drain"), self._inside("source")
        channel = ("steep", "modulation", "flat", "body", "surface")
        return (
            self._branch(drain, source, MosChannel, channel, (drain, source), ("gate", source), ("bulk", source)),
            self._branch("bulk", drain, BulkJunction, ("drain_saturated", "thermal", "leak")),
            self._branch("bulk", source, BulkJunction, ("source_saturated", "thermal", "leak")),
            *self._ohmic("drain", "per_drain"),
            *self._ohmic("source", "per_source"),
        )

    @property
    def flat(self) -> float:
        """V_F [V] of the n-type device."""
        return (-self.threshold if self.turned else self.threshold) - self.body * math.sqrt(self.surface)

    @property
    def drain_saturated(self) -> float:
        """IS [A] of the whole device at the drain."""
        return self.drain_saturation * self.multiplier

    @property
    def source_saturated(self) -> float:
        """IS [A] of the whole device at the source."""
        return self.source_saturation * self.multiplier

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) != 4:
            raise DeviceError("it needs four nodes: drain, gate, source, bulk")
        known = {"nrd": 1.0, "nrs": 1.0, "pd": 1.0, "ps": 1.0}
        defaults = {
            name: option(netlist.options, f"def{name}", value)
            for name, value in {"w": 1e-4, "l": 1e-4, "ad": 0.0, "as": 0.0, "m": 1.0}.items()
        }
        given, named = model_of(card, netlist, cls.model, ("1",), MODEL, {"vt0": "vto", "uo": "u0"}, cls.ignored)
        own = own_numbers(card, {**known, **defaults}, ("icvds", "icvgs", "icvbs"))
        temperature, nominal, leak = heated(netlist, given, own)
        sign = -1.0 if cls.turned else 1.0
        model = of_process(given, named, sign, nominal)
        length = own["l"] - 2 * model["ld"]
        if not length > 0:
            raise DeviceError(f"L − 2 LD is {length:g} m; it must be positive")

        surface = junction_potential(model["phi"], temperature, nominal)
        if not surface > 0:
            raise DeviceError(f"its PHI is {surface:g} V at {temperature:g} °C; it must be positive")
        shift = (band_gap(nominal) - band_gap(temperature) + sign * (surface - model["phi"])) / 2
        flat = model["vto"] - sign * model["gamma"] * math.sqrt(model["phi"]) + shift
        ratio = (temperature + KELVIN) / (nominal + KELVIN)
        grown = math.exp(band_gap(nominal) / thermal_voltage(nominal) - band_gap(temperature) / thermal_voltage(temperature))
        areas = (own["ad"], own["as"])
        dense = model["js"] and all(areas)
        drain, source = (grown * (model["js"] * area if dense else model["is"]) for area in areas)
        sheet = {"rd": own["nrd"], "rs": own["nrs"]}
        for name, squares in sheet.items():
            if name in named and not model[name] and model["rsh"] and squares:
                raise DeviceError(f"ngspice leaves an end open with {name.upper()}=0 beside RSH; remove one of them")
        ohms = {name: model[name] if name in named else model["rsh"] * squares for name, squares in sheet.items()}
        return cls(
            card.name,
            card.nodes,
            own["m"],
            temperature,
            leak,
            model["kp"] / (ratio * math.sqrt(ratio)) * own["w"] / length,
            flat + sign * model["gamma"] * math.sqrt(surface),
            model["lambda"],
            ohms["rd"],
            ohms["rs"],
            model["gamma"],
            surface,
            drain,
            source,
        )

    def cards(self, names: Names) -> list[str]:
        law = {
            "kp": self.transconductance,
            "gamma": self.body,
            "phi": self.surface,
            "is": self.drain_saturation,
            "js": 1.0,
        }
        own = {
            "w": 1e-4,
            "l": 1e-4,
            "ad": self.drain_saturation,
            "as": self.source_saturation,
        }
        return self._written(names, law, own)


@dataclass(frozen=True)
class NMOS(Mosfet):
    """An n-channel MOSFET of level 1."""

    word: ClassVar = "n-channel mosfet"
    model: ClassVar = "nmos"


@dataclass(frozen=True)
class PMOS(Mosfet):
    """A p-channel MOSFET of level 1."""

    word: ClassVar = "p-channel mosfet"
    model: ClassVar = "pmos"
    turned: ClassVar = True
