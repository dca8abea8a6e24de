"""Dual Coupled Learning."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Inject, Measurement, Outputs
from hwlearn.learning.rule import CurrentRule


class DualCoupledLearning(CurrentRule):
    """The fourth cell of the table: current observed, current imposed. The nudged phase injects (1 − η) I; ġ = Jᵀ I.

    J is taken at the held state, I = −R⁻¹ e (THEORY, Phases). `nudge` is η, without unit.
    """

    name = "dual-cl"
    imposes = "current"
    nudge_unit = "1"

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return Inject((1 - nudge) * free.output_currents)
