"""`Diode`: SPICE's, as far as it matters at DC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import ElementDevice, Parameter
from hwlearn.network.devices.junction import GMIN, Junction
from hwlearn.network.devices.law import Branch
from hwlearn.network.devices.models import parameters_of
from hwlearn.network.devices.netlist import Card, Names, NetlistAround, numbers
from hwlearn.network.devices.real_junction import RealJunction
from hwlearn.network.devices.temperature import ROOM, option, saturation_growth, temperatures, thermal_voltage
from hwlearn.text import write_number

_MODEL = {"is": "saturation", "n": "emission", "rs": "resistance", "bv": "breakdown", "ibv": "breakdown_current",
          "nbv": "breakdown_emission", "ikf": "knee", "ikr": "reverse_knee", "eg": "gap", "xti": "exponent"}  # fmt: skip
"""Fields by the names of a model."""

_ALIASES = {"js": "is", "ib": "ibv", "ik": "ikf", "tref": "tnom"}


@dataclass(frozen=True)
class Diode(ElementDevice):
    """A diode: the law of `Junction`, or of `RealJunction` where it has a resistance, a breakdown or a knee.

    Attributes:
        saturation: IS [A]. emission: N.
        resistance: RS [Ω].
        breakdown: BV [V], at `breakdown_current`, IBV [A]; 0 for none. breakdown_emission: NBV; 0 for N.
        knee, reverse_knee: IKF and IKR [A]; 0 for none.
        gap: EG [eV]. exponent: XTI.
        area: factor of IS, IKF, IKR and 1/RS. multiplier: M, that of all currents.
        temperature, nominal: °C, TNOM being where the parameters were measured.
        leak: GMIN [S].
    """

    saturation: float = 1e-14
    emission: float = 1.0
    resistance: float = 0.0
    breakdown: float = 0.0
    breakdown_current: float = 1e-3
    breakdown_emission: float = 0.0
    knee: float = 0.0
    reverse_knee: float = 0.0
    gap: float = 1.11
    exponent: float = 3.0
    area: float = 1.0
    multiplier: float = 1.0
    temperature: float = ROOM
    nominal: float = ROOM
    leak: float = GMIN

    word: ClassVar = "diode"
    letter: ClassVar = "d"
    terminals: ClassVar = ("anode", "cathode")
    parameters: ClassVar = (
        Parameter("saturation", "A", positive=True),
        Parameter("emission", "1", positive=True),
        Parameter("resistance", "Ω", negative=False),
        Parameter("breakdown", "V", negative=False),
        Parameter("breakdown_current", "A", positive=True),
        Parameter("breakdown_emission", "1", negative=False),
        Parameter("knee", "A", negative=False),
        Parameter("reverse_knee", "A", negative=False),
        Parameter("gap", "eV"),
        Parameter("exponent", "1"),
        Parameter("area", "1", positive=True),
        Parameter("multiplier", "1", positive=True),
        Parameter("temperature", "°C"),
        Parameter("nominal", "°C"),
    )
    ignored: ClassVar = (
        "cjo", "cj0", "cj", "vj", "pb", "m", "mj", "tt", "fc", "kf", "af", "ttt1", "ttt2", "tm1", "tm2", "cjp", "cjsw", "php",
        "mjsw", "fcs", "cta", "ctc", "ctp", "tpb", "tvj", "tphp", "jsw", "ns",
    )  # fmt: skip

    @property
    def branches(self) -> tuple[Branch, ...]:  # type: ignore[override]
        plain = ("saturated", "thermal", "leak")
        if not (self.resistance or self.breakdown or self.knee or self.reverse_knee):
            return (Branch("anode", "cathode", Junction, plain),)
        more = ("ohms", "breaks_at", "breakdown_thermal", "knees_at", "reverse_knees_at")
        return (Branch("anode", "cathode", RealJunction, (*plain, *more)),)

    @property
    def saturated(self) -> float:
        """IS [A] of the whole device at its temperature."""
        growth = saturation_growth(self.temperature, self.nominal, self.gap, self.exponent, self.emission)
        return self.saturation * self.area * self.multiplier * growth

    @property
    def thermal(self) -> float:
        """N Vt [V]."""
        return self.emission * thermal_voltage(self.temperature)

    @property
    def ohms(self) -> float:
        """RS [Ω] of the whole device."""
        return self.resistance / (self.area * self.multiplier)

    @property
    def breakdown_thermal(self) -> float:
        """NBV Vt [V]."""
        return (self.breakdown_emission or self.emission) * thermal_voltage(self.temperature)

    @property
    def breaks_at(self) -> float:
        """Where the exponential of breakdown has to begin so that IBV flows at −BV [V]; as ngspice finds it."""
        if not self.breakdown:
            return math.inf
        thermal, scale = thermal_voltage(self.temperature), self.breakdown_thermal
        currents = self.multiplier * self.breakdown_current / self.saturated
        at = self.breakdown
        if currents >= at / thermal:
            at -= scale * math.log1p(currents)
            for _ in range(25):
                at = self.breakdown - scale * math.log(currents + 1 - at / thermal)
        return at

    @property
    def knees_at(self) -> float:
        """IKF [A] of the whole device."""
        return self.knee * self.area * self.multiplier or math.inf

    @property
    def reverse_knees_at(self) -> float:
        """IKR [A] of the whole device."""
        return self.reverse_knee * self.area * self.multiplier or math.inf

    @classmethod
    def read(cls, card: Card, netlist: NetlistAround) -> Self:
        if len(card.nodes) != 2 or not card.rest:
            raise DeviceError("only 'D… anode cathode model' is understood")
        given = {_ALIASES.get(name, name): word for name, word in netlist.model(card, "d").items()}
        if (level := given.pop("level", "1")) != "1":
            raise DeviceError(f"its level is {level}")
        known = {name: float(getattr(cls, field)) for name, field in _MODEL.items()}
        model = numbers(
            given, known | {"tnom": option(netlist.options, "tnom", ROOM)}, cls.ignored, signed={*known, "tnom"} - {"is", "n"}
        )
        own = numbers(
            parameters_of(_with_area(card)),
            {"area": 1.0, "m": 1.0, "temp": math.nan, "dtemp": 0.0},
            ("ic",),
            ("temp", "dtemp"),
        )
        if math.isnan(own["temp"]):
            del own["temp"]
        temperature, nominal = temperatures(netlist.options, model, own)
        return cls(
            card.name,
            card.nodes,
            **{field: model[name] for name, field in _MODEL.items()},
            area=own["area"],
            multiplier=own["m"],
            temperature=temperature,
            nominal=nominal,
            leak=option(netlist.options, "gmin", GMIN),
        )

    def cards(self, names: Names) -> list[str]:
        model = names.own("", "dmodel")
        left_out = {name for name in ("bv", "nbv", "ikf", "ikr") if not getattr(self, _MODEL[name])}
        law = [f"{name}={write_number(getattr(self, field))}" for name, field in _MODEL.items() if name not in left_out]
        own = f"area={write_number(self.area)} m={write_number(self.multiplier)} temp={write_number(self.temperature)}"
        return [
            f".model {model} d({' '.join(law)} tnom={write_number(self.nominal)})",
            f"{names.card} {' '.join(names.nodes)} {model} {own}",
        ]


def _with_area(card: Card) -> str:
    """The words after the model, in which a number of its own is the area."""
    words = [word for word in card.rest[1:] if word != "off"]
    if sum("=" not in word for word in words) > 1:
        raise DeviceError("only one number, the area, may stand after the model")
    return " ".join(word if "=" in word else f"area={word}" for word in words)
