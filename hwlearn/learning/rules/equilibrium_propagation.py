"""Equilibrium Propagation (EP)."""

from __future__ import annotations

from hwlearn.learning.table import TableRule


class EquilibriumPropagation(TableRule):
    """EP: voltage observed, current imposed. The nudged phase injects −β s; ġ = −∇ℓ for small or symmetric nudges.

    s = ∂ℓ/∂o is the signal of the loss: o − y for the squared error. `nudge` is β [S]. Scellier and Bengio 2017; for resistor
    networks Kendall et al. 2020.
    """

    name = "ep"
    observes, imposes = "voltage", "current"
    nudge_unit, loss_unit = "S", "V²"
