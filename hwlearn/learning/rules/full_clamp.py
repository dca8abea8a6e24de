"""Full clamp, or contrastive learning."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Hold, Measurement, Outputs
from hwlearn.learning.rule import VoltageRule


class FullClamp(VoltageRule):
    """CL at η = 1: the nudged phase holds the targets themselves; ġ = −∇ ½ eᵀR⁻¹e, exactly.

    The excess power ½ eᵀR⁻¹e is convex in g (arXiv:2503.00349). Movellan 1991. It has no nudge to choose, and one side only:
    with −η it would be CL.
    """

    name = "clamp"
    imposes = "voltage"
    nudge_unit = "1"

    def __init__(self) -> None:
        super().__init__(nudge=1.0, symmetric=False)

    def __repr__(self) -> str:
        return "FullClamp()"

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return Hold(targets)
