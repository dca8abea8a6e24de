"""Equilibrium Propagation (EP)."""

from __future__ import annotations

from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.table import MEANS, Means, TableRule


class EquilibriumPropagation(TableRule):
    """EP: voltage observed, current imposed. The nudged phase injects −β s; ġ = −∇ℓ for small or symmetric nudges.

    s = ∂ℓ/∂o is the signal of the loss: o − y for the squared error. `nudge` is β [S]. Scellier and Bengio 2017; for resistor
    networks Kendall et al. 2020.

    Args:
        nudge, symmetric, loss: see `TableRule`.
        by: "current", or "resistor": a resistor β from each output to the target, as in Kendall et al. 2020, or to o − s for
            other losses. No current has to be controlled then. See `TableRule` for what it learns.

    Raises:
        HwlearnError: a resistor with a negative nudge, or for a loss that is not in V².
    """

    name = "ep"
    observes, imposes = "voltage", "current"
    nudge_unit, loss_unit = "S", "V²"

    def __init__(
        self, nudge: float | None = None, symmetric: bool = False, loss: Loss | None = None, by: Means = "current"
    ) -> None:
        super().__init__(nudge, symmetric, loss)
        if by not in MEANS:
            raise HwlearnError(f"by is {by!r}; give {' or '.join(map(repr, MEANS))}")
        self.by = by
        if by == "current":
            return
        if self.nudge is not None and self.nudge < 0:
            raise HwlearnError(f"nudge is {nudge}; a resistor has a positive conductance (symmetric = true pulls both ways)")
        if self.loss.unit != SquaredError.unit:
            raise HwlearnError(
                f'by = "resistor" pulls the outputs to voltages, and the signal of the loss {self.loss.name} is none '
                f'({self.loss.unit} per volt); take by = "current"'
            )

    def __repr__(self) -> str:
        return super().__repr__() if self.by == "current" else f"{super().__repr__()[:-1]}, by={self.by!r})"
