"""Thresholded updates: an edge whose update is lost in its imperfections keeps still."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.task import Task


class Thresholded(Remedy):
    """The update of an edge is dropped where |ġ_e| ≤ `threshold`.

    An edge then neither collects noise nor, on hardware that is biased only while it learns, bias: conductances wander less
    along the solutions. The error may be lower or higher, since an edge is given up where |ġ_e| does not yet hold against b.
    Half of the rms ġ that is left without it costs nothing; several times that stops the wandering, and raises the floor
    (measured: docs/robustness.md).

    Args:
        rule: any; a remedy too.
        threshold: in units of ġ, siemens per unit of learning rate.

    Raises:
        HwlearnError: a negative threshold.
    """

    def __init__(self, rule: Rule, threshold: float) -> None:
        if not (np.isfinite(threshold) and threshold >= 0):
            raise HwlearnError(f"threshold is {threshold}; it must be 0 or more")
        super().__init__(rule)
        self.threshold = float(threshold)

    def __repr__(self) -> str:
        return f"Thresholded({self.rule!r}, threshold={self.threshold})"

    def read(self, circuit: Circuit, task: Task) -> Reading:
        reading = super().read(circuit, task)
        kept = np.abs(reading.direction) > self.threshold
        return reading._replace(direction=np.where(kept, reading.direction, 0.0))
