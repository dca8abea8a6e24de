"""Coupled Learning (CL)."""

from __future__ import annotations

from hwlearn.learning.table import TableRule


class CoupledLearning(TableRule):
    """CL: voltage observed, voltage imposed. The nudged phase holds o − η s; ġ = −Jᵀ R⁻¹ s for small or symmetric nudges.

    s is the signal of the loss: o − y for the squared error, as in Stern, Hexner, Rocks and Liu 2021. `nudge` is η, without
    unit.
    """

    name = "cl"
    observes, imposes = "voltage", "voltage"
    nudge_unit, loss_unit = "1", "V²"
