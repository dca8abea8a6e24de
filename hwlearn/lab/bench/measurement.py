"""`BenchMeasurement`: a phase that was read again and again, and how often the next one will be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.inference.noise import variance_and_power
from hwlearn.lab.bench.estimates import Estimates
from hwlearn.lab.station.settings import Measure


class Repeats:
    """How often each channel is read: a fixed number, or one that is chosen anew after each contrast of two phases.

    Args:
        number: to begin with.
        error: wanted relative error of a rule's direction; None leaves the number as it is.
        most: upper limit of the number.

    Attributes:
        number: readings per channel and sample now.
    """

    def __init__(self, number: int, error: float | None = None, most: int = 1) -> None:
        self.number, self._error, self._most = number, error, most

    @classmethod
    def of(cls, measure: Measure) -> Repeats:
        """The repeats that `[measure]` of a station file asks for."""
        if measure.repeats == "auto":
            return cls(2, measure.gradient_error, measure.most_repeats)
        return cls(measure.repeats)

    def contrasted(self, drops: Iterable[tuple[Array, Array]], noise: float) -> None:
        """Learn from the drops (S, E) [V] that were measured in two phases, part by part.

        `noise` is that of a node voltage, already averaged [V].
        The noise adds its own variance to the measured Σ C², which is taken off. The number at most doubles or halves, and
        stays even, for ABBA.
        """
        if self._error is None or not noise > 0:
            return
        variance, power = variance_and_power(drops, noise)
        wanted = self.number * variance / self._error**2 / (power - variance) if power > variance else math.inf
        wanted = min(max(wanted, self.number / 2), 2 * self.number, self._most)
        self.number = 2 * math.ceil(wanted / 2)


@dataclass(frozen=True, eq=False, repr=False)
class BenchMeasurement(SampledMeasurement):
    """A measurement whose contrast tells how often to read next time, and heeds what was estimated."""

    repeats: Repeats | None = None
    estimates: Estimates | None = None

    @property
    def node_errors(self) -> Array:
        """(S, N) V: standard deviations of the node voltages; NaN if the noise is not known."""
        if self.estimates is None:
            return np.full(self.voltages.shape, self.noise)
        return self.estimates.errors(self.conductances, self.voltages, self.noise)

    def contrast(self, reference: Measurement) -> Array:
        if self.repeats is not None:
            drops = ((own.edge_drops(), reference[part].edge_drops()) for part, own in self._parts())
            self.repeats.contrasted(drops, self.noise)
        contrast = super().contrast(reference)
        if self.estimates is not None:
            self.estimates.contrasted(self.conductances, self.voltages, reference.node_voltages, contrast)
        return contrast
