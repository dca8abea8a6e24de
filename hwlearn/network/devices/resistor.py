"""`Resistor`: the law of the edges that have no other device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import EdgeDevice, Parameter
from hwlearn.network.devices.law import Branch, Law
from hwlearn.network.devices.netlist import Cards, Names
from hwlearn.text import write_number


class OhmsLaw(Law):
    """i = g Δv."""

    def currents(self, given: Array, volts: Array) -> tuple[Array, Sequence[Array]]:
        return given * volts[0], (np.broadcast_to(given, volts[0].shape),)


@dataclass(frozen=True)
class Resistor(EdgeDevice):
    """Ohm's law. An edge without a device is one; the reader asks ngspice itself for the values of R cards."""

    word: ClassVar = "resistor"
    letter: ClassVar = "r"
    terminals: ClassVar = ("tail", "head")
    branches: ClassVar = (Branch("tail", "head", OhmsLaw),)
    set_by: ClassVar = Parameter("resistance", "Ω", positive=True)

    def conductance(self, setting: float) -> float:
        return 1 / setting

    def setting(self, conductance: float) -> float:
        return 1 / conductance

    def slope(self, conductance: float) -> float:
        return -(conductance**2)

    def cards(self, names: Names, conductance: float) -> Cards:
        resistance = self.setting(conductance)
        if not 0 < resistance < math.inf:
            raise DeviceError(f"{conductance} S has no resistance that can be written")
        lines = [f"{names.card} {' '.join(names.nodes)} {write_number(resistance)}"]
        return Cards(lines, f"alter {names.card}=%.17g")
