"""`NPN` and `PNP`: SPICE's bipolar transistors, as far as they matter at DC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.base_resistance import BaseResistance, CrowdedResistance
from hwlearn.network.devices.bipolar_model import ALIASES, IGNORED, MODEL, at_temperature
from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.gummel_poon import BaseCurrent, Transport
from hwlearn.network.devices.junction import Junction
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.linear import LinearLaw
from hwlearn.network.devices.netlist import Card, Names, NetlistAround
from hwlearn.network.devices.semiconductor import Semiconductor, heated, model_of, own_numbers
from hwlearn.text import GROUND

_FIELDS: Final = {
    "ibe": "forward_saturation", "ibc": "reverse_saturation", "bf": "forward_gain", "br": "reverse_gain",
    "nf": "forward_emission", "nr": "reverse_emission", "vaf": "forward_early", "var": "reverse_early",
    "ikf": "forward_knee", "ikr": "reverse_knee", "ise": "emitter_leak", "ne": "emitter_leak_emission",
    "isc": "collector_leak", "nc": "collector_leak_emission", "rb": "base_resistance", "rbm": "least_base_resistance",
    "irb": "crowding_current", "rc": "collector_resistance", "re": "emitter_resistance", "iss": "substrate_saturation",
    "ns": "substrate_emission",
}  # fmt: skip
"""Fields by the names of a model."""


@dataclass(frozen=True)
class Bipolar(Semiconductor):
    """The transport of charge from collector to emitter, and what the base draws: Gummel and Poon's model at DC.

    Attributes:
        forward_saturation, reverse_saturation: IBE and IBC, or IS [A].
        forward_gain, reverse_gain: BF and BR. forward_emission, reverse_emission: NF and NR.
        forward_early, reverse_early: VAF and VAR [V]; 0 for none.
        forward_knee, reverse_knee: IKF and IKR [A]; 0 for none. knee_exponent: NKF.
        emitter_leak, collector_leak: ISE and ISC [A], with NE and NC.
        base_resistance, least_base_resistance: RB and RBM [Ω]. crowding_current: IRB [A]; 0 for none.
        collector_resistance, emitter_resistance: RC and RE [Ω].
        substrate_saturation, substrate_emission: ISS [A] and NS.
        substrate_beside: "collector" or "base", from where the substrate's junction leads; the fourth node, or ground.
    """

    forward_saturation: float = 1e-16
    reverse_saturation: float = 1e-16
    forward_gain: float = 100.0
    reverse_gain: float = 1.0
    forward_emission: float = 1.0
    reverse_emission: float = 1.0
    forward_early: float = 0.0
    reverse_early: float = 0.0
    forward_knee: float = 0.0
    reverse_knee: float = 0.0
    knee_exponent: float = 0.5
    emitter_leak: float = 0.0
    emitter_leak_emission: float = 1.5
    collector_leak: float = 0.0
    collector_leak_emission: float = 2.0
    base_resistance: float = 0.0
    least_base_resistance: float = 0.0
    crowding_current: float = 0.0
    collector_resistance: float = 0.0
    emitter_resistance: float = 0.0
    substrate_saturation: float = 0.0
    substrate_emission: float = 1.0
    substrate_beside: str = "collector"

    letter: ClassVar = "q"
    parameters: ClassVar = (
        *Semiconductor.parameters,
        Parameter("forward_saturation", "A", positive=True),
        Parameter("reverse_saturation", "A", positive=True),
        Parameter("forward_gain", "1", positive=True),
        Parameter("reverse_gain", "1", positive=True),
        Parameter("forward_emission", "1", positive=True),
        Parameter("reverse_emission", "1", positive=True),
        Parameter("forward_early", "V"),
        Parameter("reverse_early", "V"),
        Parameter("forward_knee", "A", negative=False),
        Parameter("reverse_knee", "A", negative=False),
        Parameter("knee_exponent", "1", positive=True),
        Parameter("emitter_leak", "A", negative=False),
        Parameter("emitter_leak_emission", "1", positive=True),
        Parameter("collector_leak", "A", negative=False),
        Parameter("collector_leak_emission", "1", positive=True),
        Parameter("base_resistance", "Ω", negative=False),
        Parameter("least_base_resistance", "Ω", negative=False),
        Parameter("crowding_current", "A", negative=False),
        Parameter("collector_resistance", "Ω", negative=False),
        Parameter("emitter_resistance", "Ω", negative=False),
        Parameter("substrate_saturation", "A", negative=False),
        Parameter("substrate_emission", "1", positive=True),
    )
    ignored: ClassVar = IGNORED
    passive: ClassVar = False  # with Early voltages or unlike emissions, the model delivers power where it is no transistor

    @property
    def terminals(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("collector", "base", "emitter", "substrate")[: len(self.nodes)]

    @property
    def resistances(self) -> dict[str, float]:
        return {
            "collector": self.collector_resistance,
            "base": self.base_resistance,
            "emitter": self.emitter_resistance,
        }

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        collector, base, emitter = map(self._inside, ("collector", "base", "emitter"))
        return (
            self._branch(collector, emitter, Transport, ("charge",), (base, emitter), (base, collector)),
            self._branch(base, emitter, BaseCurrent, ("to_emitter",)),
            self._branch(base, collector, BaseCurrent, ("to_collector",)),
            self._substrate(),
            *self._ohmic("collector", "per_collector"),
            *self._ohmic("emitter", "per_emitter"),
            *self._spreading(collector, base, emitter),
        )

    def _spreading(self, collector: str, base: str, emitter: str) -> list[Branch]:
        """Branches of the base's resistance."""
        inside = ((base, emitter), (base, collector))
        if not self.base_resistance or self.base_resistance == self.least_base_resistance:
            return self._ohmic("base", "per_base")
        if not self.crowding_current:
            return [self._branch("base", base, BaseResistance, ("ohms", "charge"), ("base", base), *inside)]
        numbers = ("ohms", "crowds_at", "to_emitter", "to_collector")
        return [self._branch("base", base, CrowdedResistance, numbers, ("base", base), *inside)]

    def _substrate(self) -> Branch:
        beside = self._inside(self.substrate_beside)
        start, end = (self.terminals[3] if len(self.nodes) > 3 else GROUND, beside)
        if self.turned is not (self.substrate_beside == "base"):
            start, end = end, start
        if self.substrate_saturation:
            return Branch(start, end, Junction, ("substrate_saturated", "substrate_thermal", "leaks"))
        return Branch(start, end, LinearLaw, ("leaks_alone", "nothing"))

    @property
    def charge(self) -> tuple[float, ...]:
        """The numbers of `BaseCharge`, for the whole device."""
        many, volt = self.multiplier, self.thermal
        return (
            many * self.forward_saturation,
            many * self.reverse_saturation,
            volt * self.forward_emission,
            volt * self.reverse_emission,
            *(1 / early if early else 0.0 for early in (self.forward_early, self.reverse_early)),
            *(1 / (many * knee) if knee else 0.0 for knee in (self.forward_knee, self.reverse_knee)),
            self.knee_exponent,
        )

    @property
    def to_emitter(self) -> tuple[float, ...]:
        """The numbers of `BaseCurrent`, for the whole device."""
        many, volt = self.multiplier, self.thermal
        saturations = (many * self.forward_saturation / self.forward_gain, many * self.emitter_leak)
        return (*saturations, volt * self.forward_emission, volt * self.emitter_leak_emission, self.leaks)

    @property
    def to_collector(self) -> tuple[float, ...]:
        """The numbers of `BaseCurrent`, for the whole device."""
        many, volt = self.multiplier, self.thermal
        saturations = (many * self.reverse_saturation / self.reverse_gain, many * self.collector_leak)
        return (*saturations, volt * self.reverse_emission, volt * self.collector_leak_emission, self.leaks)

    @property
    def ohms(self) -> tuple[float, float]:
        """RB and RBM [Ω] of the whole device."""
        return self.base_resistance / self.multiplier, self.least_base_resistance / self.multiplier

    @property
    def crowds_at(self) -> float:
        """IRB [A] of the whole device."""
        return self.crowding_current * self.multiplier

    @property
    def leaks(self) -> float:
        """S beside each junction: GMIN times M."""
        return self.leak * self.multiplier

    @property
    def leaks_alone(self) -> tuple[float]:
        """The same, as `LinearLaw` takes it."""
        return (self.leaks,)

    @property
    def substrate_saturated(self) -> float:
        """ISS [A] of the whole device."""
        return self.substrate_saturation * self.multiplier

    @property
    def substrate_thermal(self) -> float:
        """NS Vt [V]."""
        return self.substrate_emission * self.thermal

    @property
    def per_collector(self) -> tuple[float]:
        """1/RC [S] of the whole device."""
        return self._per_ohm("collector")

    @property
    def per_emitter(self) -> tuple[float]:
        """1/RE [S] of the whole device."""
        return self._per_ohm("emitter")

    @property
    def per_base(self) -> tuple[float]:
        """1/RB [S] of the whole device."""
        return self._per_ohm("base")

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) not in (3, 4):
            raise DeviceError("it needs three nodes, collector, base, emitter, and at most the substrate as the fourth")
        model, given = model_of(card, netlist, cls.model, ("1", "2"), MODEL, ALIASES, IGNORED)
        own = own_numbers(card, {"area": 1.0, "areab": 0.0, "areac": 0.0}, ("icvbe", "icvce"))
        areas = {name: own[name] or own["area"] for name in ("area", "areab", "areac")}
        temperature, nominal, leak = heated(netlist, model, own)
        beside = {1.0: "collector", -1.0: "base"}.get(model["subs"], "base" if cls.turned else "collector")
        found = at_temperature(model, given, areas, beside == "base", temperature, nominal)
        return cls(
            card.name,
            card.nodes,
            own["m"],
            temperature,
            leak,
            knee_exponent=min(model["nkf"], 1.0),
            substrate_beside=beside,
            **{field: found[name] for name, field in _FIELDS.items()},
        )

    def cards(self, names: Names) -> list[str]:
        law = {name: getattr(self, field) for name, field in _FIELDS.items()}
        law |= {"is": self.forward_saturation, "subs": 1.0 if self.substrate_beside == "collector" else -1.0}
        return self._written(names, law | {"nkf": self.knee_exponent}, {})


@dataclass(frozen=True)
class NPN(Bipolar):
    """An npn transistor."""

    word: ClassVar = "npn transistor"
    model: ClassVar = "npn"


@dataclass(frozen=True)
class PNP(Bipolar):
    """A pnp transistor."""

    word: ClassVar = "pnp transistor"
    model: ClassVar = "pnp"
    turned: ClassVar = True
