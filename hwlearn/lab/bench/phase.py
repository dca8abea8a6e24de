"""`Asked` and `Phase`: what is to be done to a bench, and what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.meters import Meters
from hwlearn.lab.bench.readings import Readings


class UnsteadyError(InstrumentError):
    """Readings that disagree with each other: a spike may not come again, so the phase is made once more."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A drive of S samples: inputs (S, n_in) V and A; outputs, and what they impose (S, n_out), None when open."""

    inputs: Array
    outputs: Outputs
    imposed: Array | None

    def imposed_in(self, sample: int) -> Array | None:
        """(n_out,) of one sample."""
        return None if self.imposed is None else self.imposed[sample]


@dataclass(frozen=True, eq=False)
class Phase:
    """What was measured of S samples, each read R times.

    Attributes:
        asked: the drive.
        codes: (E,) that were set; −1 at fixed resistors. conductances: (E,) S, by the code tables.
        read: indices of the M nodes that are read.
        readings: how steady they were.
        voltages: (S, N) V, means; estimates at nodes that are not read; zero at nodes that are wired to ground.
        currents: (S, n_out) A into the outputs, measured.
        fed: (S, n_in) A out of the inputs, by shunts and source meters; NaN where nothing measures it.
        meters: what source meters said.
    """

    asked: Asked
    codes: NDArray[np.intp]
    conductances: Array
    read: list[int]
    readings: Readings
    voltages: Array
    currents: Array
    fed: Array
    meters: Meters

    @property
    def repeats(self) -> int:
        """R."""
        return self.readings.repeats

    @property
    def noise(self) -> float:
        """Standard deviation of a node voltage of one reading [V], NaN if it is not known."""
        return self.readings.noise

    @property
    def mean_noise(self) -> float:
        """Standard deviation of a node voltage, a mean of R readings [V]."""
        return self.noise / math.sqrt(self.repeats)
