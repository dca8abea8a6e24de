"""`ImperfectMeasurement`: what was read, and what was there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement


@dataclass(frozen=True, eq=False, repr=False)
class ImperfectMeasurement(SampledMeasurement):
    """Readings of an imperfect circuit. The power is what its edges dissipate, not what readings and beliefs make of it.

    Attributes:
        true: what the circuit inside answered.
    """

    true: Measurement = field(kw_only=True)

    by_sample: ClassVar = (*SampledMeasurement.by_sample, "true")

    @property
    def power(self) -> Array:
        return self.true.power
