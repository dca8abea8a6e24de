"""Adjoint Coupled Learning (AL)."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Hold, Measurement, Outputs
from hwlearn.learning.rule import CurrentRule, typical_conductance
from hwlearn.network import Network


class AdjointCoupledLearning(CurrentRule):
    """AL: current observed, voltage imposed, the dual of EP. The nudged phase holds y − η I; ġ = −∇ ½‖I‖².

    I = −R⁻¹ e is the current needed to hold the outputs at the targets y (THEORY, Phases). `nudge` is η [Ω].
    """

    name = "al"
    imposes = "voltage"
    nudge_unit = "Ω"

    def natural_nudge(self, network: Network) -> float:
        return 1 / typical_conductance(network)

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return Hold(targets - nudge * free.output_currents)
