"""`ImperfectMeasurement`: what was read, and what was there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement


@dataclass(frozen=True, eq=False, repr=False)
class ImperfectMeasurement(SampledMeasurement):
    """Readings of an imperfect circuit. The power is what its edges dissipate, not what readings and beliefs make of it.

    Attributes:
        true: what the circuit inside answered.
    """

    true: Measurement = field(kw_only=True)

    @property
    def power(self) -> Array:
        return self.true.power

    def __getitem__(self, chosen: slice) -> ImperfectMeasurement:
        return replace(
            self,
            voltages=self.voltages[chosen],
            output_voltages=self.output_voltages[chosen],
            output_currents=self.output_currents[chosen],
            input_currents=self.input_currents[chosen],
            true=self.true[chosen],
        )
