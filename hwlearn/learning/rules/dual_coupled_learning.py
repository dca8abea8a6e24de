"""Dual Coupled Learning."""

from __future__ import annotations

from hwlearn.learning.table import TableRule


class DualCoupledLearning(TableRule):
    """The fourth cell of the table: current observed, current imposed. The nudged phase injects I − η I; ġ = Jᵀ I.

    J is taken at the held state, I = −R⁻¹ e (docs/theory.md). `nudge` is η, without unit.
    """

    name = "dual-cl"
    observes, imposes = "current", "current"
    nudge_unit, loss_unit = "1", "A²"
