"""`Asked` and `Phase`: what is to be done to a bench, and what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.roles import MeterReading


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


@dataclass(frozen=True)
class Metered:
    """What a source meter measured while a sample was driven.

    Attributes:
        sample: which. of: what the meter is, as in "output t1,t2" or "source I1". instrument, channel: where.
        reading: volts, amperes, and whether a limit acted.
    """

    sample: int
    of: str
    instrument: str
    channel: str
    reading: MeterReading


@dataclass(frozen=True, eq=False)
class Phase:
    """What was measured of S samples, each read R times.

    Attributes:
        asked: the drive.
        codes: (E,) that were set; −1 at fixed resistors. conductances: (E,) S, by the code tables.
        read: indices of the M nodes that are read.
        readings: (S, R, M) V, one by one, as the channels give them.
        potentials: (S, R, M) V, what these say of the nodes.
        voltages: (S, N) V, means; estimates at nodes that are not read; zero at nodes that are wired to ground.
        currents: (S, n_out) A into the outputs, measured.
        fed: (S, n_in) A out of the inputs, by shunts and source meters; NaN where nothing measures it.
        metered: what source meters said.
    """

    asked: Asked
    codes: NDArray[np.intp]
    conductances: Array
    read: list[int]
    readings: Array
    potentials: Array
    voltages: Array
    currents: Array
    fed: Array
    metered: list[Metered]

    @property
    def repeats(self) -> int:
        """R."""
        return self.readings.shape[1]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a node voltage of one reading [V], NaN if it is not known."""
        samples, repeats, nodes = self.potentials.shape
        if repeats < 2 or not nodes:
            return math.nan
        plain = self.potentials is self.readings
        squares = self.squares if plain else _squares(self.potentials)
        return math.sqrt(float(squares.sum()) / (nodes * samples * (repeats - 1)))

    @cached_property
    def squares(self) -> Array:
        """(M,) V²: of each channel, Σ over samples and readings of (reading − mean of its sample)²."""
        return _squares(self.readings)

    @property
    def mean_noise(self) -> float:
        """Standard deviation of a node voltage, a mean of R readings [V]."""
        return self.noise / math.sqrt(self.repeats)


def _squares(values: Array) -> Array:
    """(M,) of (S, R, M)."""
    off = values - np.add.reduce(values, axis=1, keepdims=True) / values.shape[1]
    return np.einsum("srm,srm->m", off, off)
