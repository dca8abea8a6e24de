"""Equilibrium Propagation (EP)."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Inject, Measurement, Outputs
from hwlearn.learning.rule import VoltageRule, typical_conductance
from hwlearn.network import Network


class EquilibriumPropagation(VoltageRule):
    """EP: voltage observed, current imposed. The nudged phase injects −β e; ġ = −∇ ½‖e‖² for small or symmetric nudges.

    Scellier and Bengio 2017; for resistor networks Kendall et al. 2020. `nudge` is β [S].
    """

    name = "ep"
    imposes = "current"
    nudge_unit = "S"

    def natural_nudge(self, network: Network) -> float:
        return typical_conductance(network)

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return Inject(-nudge * self.observed(free, targets))
