"""`IonDrift`: a memristor whose dopants drift with the current (Strukov, Snider, Stewart and Williams 2008, Nature 453:80)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.memristor import Memristor, Motion


class LinearDrift(Motion):
    """dx/dt = μ r_on / D² · i: x rises with a current from tail to head."""

    def __init__(self, mobility: Array, thickness: Array, r_on: Array) -> None:
        self._per_coulomb = mobility * r_on / thickness**2

    def speeds(self, volts: Array, amperes: Array) -> tuple[Array, Array]:
        return self._per_coulomb * np.maximum(amperes, 0.0), self._per_coulomb * np.maximum(-amperes, 0.0)


@dataclass(frozen=True)
class IonDrift(Memristor):
    """Linear ion drift: dx/dt = μ r_on / D² · i(t) · F(x), with i from tail to head and F the window.

    Without a window, x = x₀ + μ r_on q / D²: the memristance is a function of the charge.

    Attributes:
        mobility: μ [m²/(V s)].
        thickness: D [m].
    """

    mobility: float = 1e-14
    thickness: float = 1e-8

    word: ClassVar = "ion-drift memristor"
    motion: ClassVar = LinearDrift
    moved_by: ClassVar = ("mobility", "thickness", "r_on")
    rises: ClassVar = "{mobility}*{r_on}/({thickness}*{thickness})*uramp({amperes})"
    falls: ClassVar = "{mobility}*{r_on}/({thickness}*{thickness})*uramp(-{amperes})"
    parameters: ClassVar = (
        Parameter("r_on", "Ω", positive=True),
        Parameter("r_off", "Ω", positive=True),
        Parameter("mobility", "m²/(V s)", positive=True),
        Parameter("thickness", "m", positive=True),
        Parameter("exponent", "1", positive=True),
    )
