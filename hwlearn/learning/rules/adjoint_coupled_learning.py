"""Adjoint Coupled Learning (AL)."""

from __future__ import annotations

from hwlearn.learning.table import TableRule


class AdjointCoupledLearning(TableRule):
    """AL: current observed, voltage imposed, the dual of EP. The nudged phase holds y − η I; ġ = −∇ ½‖I‖².

    I = −R⁻¹ e is the current needed to hold the outputs at the targets y (docs/theory.md). `nudge` is η [Ω].
    """

    name = "al"
    observes, imposes = "current", "voltage"
    nudge_unit, loss_unit = "Ω", "A²"
