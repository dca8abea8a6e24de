"""What a MOSFET's model of level 1 says, and what follows from its process where it does not say it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

from hwlearn.errors import DeviceError
from hwlearn.network.devices.temperature import CHARGE, band_gap, thermal_voltage

MODEL: Final = {
    "vto": 0.0, "kp": 2e-5, "gamma": 0.0, "phi": 0.6, "lambda": 0.0, "is": 1e-14, "js": 0.0, "ld": 0.0, "rd": 0.0, "rs": 0.0,
    "rsh": 0.0, "tox": 0.0, "u0": 600.0, "nsub": 0.0, "nss": 0.0, "tpg": 1.0,
}  # fmt: skip
"""Defaults."""

_VACUUM = 8.854214871e-12
"""F/m, SPICE's."""

_INTRINSIC = 1.45e16
"""Carriers in silicon [1/m³]."""


def of_process(model: Mapping[str, float], given: Collection[str], sign: float, nominal: float) -> dict[str, float]:
    """The model with KP of TOX and U0, and PHI, GAMMA and VTO of TOX, NSUB, NSS and TPG, where they are not given (SPICE 2).

    Args:
        given: names of what the model gives.
        sign: 1 for an n-channel, −1 for a p-channel.
        nominal: TNOM [°C].

    Raises:
        DeviceError: a doping below that of silicon itself.
    """
    found = dict(model)
    if not model["tox"]:
        return found
    oxide = 3.9 * _VACUUM / model["tox"]  # F/m²
    if "kp" not in given:
        found["kp"] = model["u0"] * oxide * 1e-4
    if "nsub" not in given:
        return found
    doping = model["nsub"] * 1e6  # 1/m³
    if not doping > _INTRINSIC:
        raise DeviceError(f"its nsub is {model['nsub']:g}; it must be above 1.45e10, as undoped silicon has")
    if "phi" not in given:
        found["phi"] = max(0.1, 2 * thermal_voltage(nominal) * math.log(doping / _INTRINSIC))
    gap = band_gap(nominal)
    gate = 3.25 + gap / 2 - sign * model["tpg"] * gap / 2 if model["tpg"] else 3.2
    work = gate - (3.25 + gap / 2 + sign * found["phi"] / 2)
    if "gamma" not in given:
        found["gamma"] = math.sqrt(2 * 11.7 * _VACUUM * CHARGE * doping) / oxide
    if "vto" not in given:
        flat = work - model["nss"] * 1e4 * CHARGE / oxide
        found["vto"] = flat + sign * (found["gamma"] * math.sqrt(found["phi"]) + found["phi"])
    return found
