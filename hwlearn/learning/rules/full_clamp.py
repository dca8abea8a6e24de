"""Full clamp, or contrastive learning."""

from __future__ import annotations

from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.table import TableRule


class FullClamp(TableRule):
    """CL at η = 1: the nudged phase holds o − s, the targets themselves for the squared error; ġ = −∇ ½ eᵀR⁻¹e, exactly.

    The excess power ½ eᵀR⁻¹e is convex in g (arXiv:2503.00349). Movellan 1991. It has no nudge to choose, and one side only:
    with −η it would be CL.
    """

    name = "clamp"
    observes, imposes = "voltage", "voltage"
    nudge_unit, loss_unit = "1", "V²"

    def __init__(self, loss: Loss | None = None) -> None:
        super().__init__(nudge=1.0, symmetric=False, loss=loss)

    def __repr__(self) -> str:
        loss = self.loss
        return "FullClamp()" if isinstance(loss, SquaredError) else f"FullClamp(loss={loss!r})"
