"""`MemristiveMeasurement`: samples of one phase, between which memristors moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.network import Network


@dataclass(frozen=True, eq=False, repr=False)
class MemristiveMeasurement(SampledMeasurement):
    """Each sample is of the conductances that the edges had then; `conductances` are what the circuit believes.

    Attributes:
        dissipated: (S,) W in the edges.
    """

    dissipated: Array = field(kw_only=True)

    by_sample: ClassVar = (*SampledMeasurement.by_sample, "dissipated")

    @classmethod
    def of(cls, network: Network, conductances: Array, parts: Sequence[Measurement]) -> Self:
        """The samples of all parts, one after the other."""
        return cls(
            network,
            conductances,
            np.concatenate([part.node_voltages for part in parts]),
            np.concatenate([part.output_voltages for part in parts]),
            np.concatenate([part.output_currents for part in parts]),
            np.concatenate([part.input_currents for part in parts]),
            parts[0].noise,
            f"memristive {parts[0].provenance}",
            dissipated=np.concatenate([part.power for part in parts]),
        )

    @property
    def power(self) -> Array:
        return self.dissipated
