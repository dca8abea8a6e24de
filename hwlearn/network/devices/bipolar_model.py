"""What a bipolar transistor's model says, and what it is at another temperature."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

from hwlearn.errors import DeviceError
from hwlearn.network.devices.temperature import KELVIN, thermal_voltage

_COEFFICIENTS: Final = {"tbf": 2, "tbr": 2, "tikf": 2, "tikr": 2, "tirb": 2, "tnc": 2, "tne": 2, "tnf": 2, "tnr": 2, "trb": 2,
                        "trc": 2, "tre": 2, "trm": 2, "tvaf": 2, "tvar": 2, "tns": 2, "tis": 2, "tise": 2, "tisc": 2,
                        "tiss": 2}  # fmt: skip

MODEL: Final = {
    "is": 1e-16, "ibe": 0.0, "ibc": 0.0, "bf": 100.0, "nf": 1.0, "vaf": 0.0, "ikf": 0.0, "ise": 0.0, "ne": 1.5, "br": 1.0,
    "nr": 1.0, "var": 0.0, "ikr": 0.0, "isc": 0.0, "nc": 2.0, "rb": 0.0, "irb": 0.0, "rbm": 0.0, "re": 0.0, "rc": 0.0,
    "xtb": 0.0, "eg": 1.11, "xti": 3.0, "iss": 0.0, "ns": 1.0, "nkf": 0.5, "tlev": 0.0, "subs": 0.0,
    **{f"{name}{k}": 0.0 for name, count in _COEFFICIENTS.items() for k in range(1, count + 1)},
}  # fmt: skip
"""Defaults; 0 for what is not there."""

ALIASES: Final = {
    "tref": "tnom", "va": "vaf", "ik": "ikf", "c2": "ise", "vb": "var", "c4": "isc", "nk": "nkf", "trb": "trb1", "trc": "trc1",
    "tre": "tre1",
}  # fmt: skip

IGNORED: Final = (
    "cje", "vje", "pe", "mje", "me", "tf", "xtf", "vtf", "itf", "ptf", "cjc", "vjc", "pc", "mjc", "mc", "xcjc", "tr", "cjs",
    "csub", "ccs", "vjs", "ps", "mjs", "ms", "fc", "kf", "af", "tlevc", "ctc", "cte", "cts", "tvjc", "tvje", "tvjs", "titf1",
    "titf2", "ttf1", "ttf2", "ttr1", "ttr2", "tmje1", "tmje2", "tmjc1", "tmjc2", "tmjs1", "tmjs2", "vbe_max", "vbc_max",
    "vce_max", "pd_max", "ic_max", "ib_max", "te_max", "rth0",
)  # fmt: skip
"""What changes nothing at DC."""


def at_temperature(
    model: Mapping[str, float],
    given: Collection[str],
    areas: Mapping[str, float],
    lateral: bool,
    temperature: float,
    nominal: float,
) -> dict[str, float]:
    """The model of a device with its areas at a temperature, as ngspice's `bjttemp` has it; IBE and IBC are always there.

    Args:
        given: names of what the model gives.
        areas: AREA, AREAB and AREAC.
        lateral: whether the substrate is at the base, not at the collector.
        temperature, nominal: °C.

    Raises:
        DeviceError: TLEV is another one than 0, 1 or 3.
    """
    warmer, ratio = temperature - nominal, (temperature + KELVIN) / (nominal + KELVIN)
    emitter, collector, bottom = (
        areas[name] for name in (("area", "areac", "areab") if lateral else ("area", "areab", "areac"))
    )
    level = model["tlev"]
    if level not in (0, 1, 3):
        raise DeviceError(f"its tlev is {level:g}; only 0, 1 and 3 are understood")

    def bent(name: str, by: str = "") -> float:
        by = by or f"t{name}"
        return model[name] * (1 + model[f"{by}1"] * warmer + model[f"{by}2"] * warmer**2)

    grown = (ratio - 1) * model["eg"] / thermal_voltage(temperature) + model["xti"] * math.log(ratio)
    better = 1.0 if level == 3 else ratio ** model["xtb"] if level == 0 else 1 + model["xtb"] * warmer

    def saturated(name: str, by: str, emission: float, less: float = 1.0) -> float:
        if level != 3:
            return model[name] * math.exp(grown / emission) / less
        return model[name] ** (1 + model[f"{by}1"] * warmer + model[f"{by}2"] * warmer**2) if model[name] else 0.0

    both = {"ibe", "ibc"} <= set(given)
    # Without IBE and IBC, ngspice multiplies IS by the area twice at the collector.
    one = emitter * saturated("is", "tis", 1.0)
    found = {
        "ibe": emitter * saturated("ibe", "tis", model["nf"]) if both else one,
        "ibc": collector * saturated("ibc", "tis", model["nr"]) if both else collector * one,
        "bf": bent("bf") if {"tbf1", "tbf2"} & set(given) else model["bf"] * better,
        "br": bent("br") if {"tbr1", "tbr2"} & set(given) else model["br"] * better,
        "ikf": bent("ikf") * emitter,
        "ikr": bent("ikr") * emitter,
        "irb": bent("irb") * emitter,
        "rb": bent("rb") / emitter,
        "rc": bent("rc") / emitter,
        "re": bent("re") / emitter,
        **{name: bent(name) for name in ("vaf", "var", "nf", "nr", "ne", "nc", "ns")},
    }
    found["rbm"] = (
        bent("rbm", "trm") / emitter
        if "rbm" in given
        else model["rb"] * (1 + model["trm1"] * warmer + model["trm2"] * warmer**2) / emitter
    )
    leaks = {name: model["is"] * model[name] if model[name] > 1e-4 else model[name] for name in ("ise", "isc")}
    model = {**model, **leaks}
    found["ise"] = emitter * saturated("ise", "tise", model["ne"], better)
    found["isc"] = collector * saturated("isc", "tisc", model["nc"], better)
    found["iss"] = (bottom if both else emitter) * saturated("iss", "tiss", model["nr"] if both else 1.0)
    return found
