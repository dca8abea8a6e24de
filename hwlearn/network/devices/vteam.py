"""`VTEAM`, `ExponentialVTEAM`: memristors whose state moves beyond threshold voltages (Kvatinsky et al. 2015, IEEE TCAS-II
62:786)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import DeviceError
from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.memristor import Memristor, Motion
from hwlearn.network.devices.resistances import EXPONENTIAL


class BeyondThresholds(Motion):
    """x rises at −k_on (v/v_on − 1)^α_on / D below v_on < 0, and falls at k_off (v/v_off − 1)^α_off / D above v_off > 0."""

    def __init__(
        self, k_on: Array, k_off: Array, v_on: Array, v_off: Array, alpha_on: Array, alpha_off: Array, thickness: Array
    ) -> None:
        self._on = (-k_on / thickness, v_on, alpha_on)
        self._off = (k_off / thickness, v_off, alpha_off)

    def speeds(self, volts: Array, amperes: Array) -> tuple[Array, Array]:
        up, down = (
            speed * np.maximum(volts / threshold - 1, 0.0) ** power for speed, threshold, power in (self._on, self._off)
        )
        return up, down


@dataclass(frozen=True)
class VTEAM(Memristor):
    """Voltage threshold adaptive memristor, with the resistance linear in the state (equation 4 of the paper).

    The w of the paper runs from w_on to w_off = w_on + D. Here x = (w_off − w)/D, 1 at r_on. A voltage from tail to head
    above v_off raises the resistance, and one below v_on lowers it. Between the two nothing moves, so that small readings
    disturb nothing.

    Attributes:
        k_on, k_off: speeds [m/s], k_on negative, as in the paper.
        v_on, v_off: thresholds [V], v_on negative.
        alpha_on, alpha_off: powers.
        thickness: D [m].
    """

    k_on: float = -10.0
    k_off: float = 5e-4
    v_on: float = -0.2
    v_off: float = 0.02
    alpha_on: float = 3.0
    alpha_off: float = 1.0
    thickness: float = 3e-9

    word: ClassVar = "vteam memristor"
    motion: ClassVar = BeyondThresholds
    moved_by: ClassVar = ("k_on", "k_off", "v_on", "v_off", "alpha_on", "alpha_off", "thickness")
    rises: ClassVar = "-{k_on}/{thickness}*pwr(uramp(v({tail},{head})/{v_on}-1),{alpha_on})"
    falls: ClassVar = "{k_off}/{thickness}*pwr(uramp(v({tail},{head})/{v_off}-1),{alpha_off})"
    parameters: ClassVar = (
        Parameter("r_on", "Ω", positive=True),
        Parameter("r_off", "Ω", positive=True),
        Parameter("k_on", "m/s"),
        Parameter("k_off", "m/s", positive=True),
        Parameter("v_on", "V"),
        Parameter("v_off", "V", positive=True),
        Parameter("alpha_on", "1", positive=True),
        Parameter("alpha_off", "1", positive=True),
        Parameter("thickness", "m", positive=True),
        Parameter("exponent", "1", positive=True),
    )

    def check(self) -> None:
        super().check()
        for name in ("k_on", "v_on"):
            if not getattr(self, name) < 0:
                raise DeviceError(f"{name} is {getattr(self, name)}; it must be negative, as in the paper")


@dataclass(frozen=True)
class ExponentialVTEAM(VTEAM):
    """The same, with a resistance that is exponential in the state (equation 5 of the paper).

    r = r_on exp(λ (w − w_on)/(w_off − w_on)), with e^λ = r_off/r_on; in the state, r = r_on (r_off/r_on)^(1 − x).
    """

    word: ClassVar = "exponential vteam memristor"
    resistance: ClassVar = EXPONENTIAL
