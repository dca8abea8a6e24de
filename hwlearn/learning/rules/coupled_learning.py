"""Coupled Learning (CL)."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Hold, Measurement, Outputs
from hwlearn.learning.rule import VoltageRule


class CoupledLearning(VoltageRule):
    """CL: voltage observed, voltage imposed. The nudged phase holds o − η e; ġ = −Jᵀ R⁻¹ e for small or symmetric nudges.

    Stern, Hexner, Rocks and Liu 2021. `nudge` is η, without unit.
    """

    name = "cl"
    imposes = "voltage"
    nudge_unit = "1"

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return Hold(free.output_voltages - nudge * self.observed(free, targets))
