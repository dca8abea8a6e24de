"""`Readings`: what is kept of the readings of a phase, of which there may be more than memory holds."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.bench.reads import Reads

AT_ONCE = 2**18
"""Readings that are kept one by one, until they are averaged together; what bounds the memory."""

NORMAL = 1.4826
"""Standard deviation of normal noise over the median of its size."""


class Deviation(NamedTuple):
    """The reading that is farthest from the median of its sample, of those that are averaged together.

    Attributes:
        sample: its index. channel: index among the channels that read nodes.
        read, off: what it says, and how far from the median that is [V].
        noise: of all of these readings, by the median of their distances, which a spike does not move [V].
    """

    sample: int
    channel: int
    read: float
    off: float
    noise: float


class Readings:
    """Averages the readings of S samples, some neighbouring samples at a time, and keeps what tells how steady they were.

    Args:
        reads: what readings say of nodes.
        samples: S. repeats: R of each sample, in as many visits as it takes. channels: M that read nodes, the first ones.

    Attributes:
        repeats: R.
        means: (S, M) V, what the readings say of the nodes.
        deviations: one of each part; none without repeats.
        scatter: (M,) V², the variance of each channel's readings around the mean of their sample, summed over the samples.
    """

    def __init__(self, reads: Reads, samples: int, repeats: int, channels: int) -> None:
        self.repeats, self.means = repeats, np.empty((samples, channels))
        self.deviations: list[Deviation] = []
        self.scatter = np.zeros(channels)
        together = max(2, AT_ONCE // max(1, repeats * channels) // 2 * 2)  # ABBA visits pairs
        self._readings = np.empty((min(samples, together), repeats, channels))
        self._potentials = self._readings if reads.plain else np.empty_like(self._readings)
        self._taken, self._first, self._spread = np.zeros(len(self._readings), dtype=np.intp), 0, 0.0

    def add(self, sample: int, scans: Array, seen: Array) -> None:
        """Some readings (number, ≥ M) of a sample [V], and what they say; samples come in the order of `visits`."""
        if sample >= self._first + len(self._readings):
            self._average()
        at, channels = sample - self._first, self._readings.shape[2]
        now = slice(self._taken[at], self._taken[at] + len(scans))
        self._readings[at, now] = scans[:, :channels]
        if self._potentials is not self._readings:
            self._potentials[at, now] = seen[:, :channels]
        self._taken[at] += len(scans)

    def finish(self) -> None:
        """No more readings come."""
        self._average()
        del self._readings, self._potentials

    @property
    def noise(self) -> float:
        """Standard deviation of a node voltage of one reading [V], NaN if it is not known."""
        freedom = self.means.size * (self.repeats - 1)
        return math.sqrt(self._spread * self.repeats / freedom) if freedom else math.nan

    def _average(self) -> None:
        """Of the samples that are complete."""
        count = int(np.count_nonzero(self._taken))
        readings, potentials, first = self._readings[:count], self._potentials[:count], self._first
        means = np.add.reduce(potentials, axis=1) / self.repeats
        self.means[first : first + count] = means
        if self.repeats > 1 and readings.size:
            plain = self._potentials is self._readings
            self.scatter += (scatter := _scatter(readings, means if plain else readings.mean(axis=1)))
            self._spread += float((scatter if plain else _scatter(potentials, means)).sum())
            self.deviations.append(_farthest(readings, first))
        self._taken[:] = 0
        self._first += len(self._readings)


def _scatter(values: Array, means: Array) -> Array:
    """(M,) V²: the variances of values (s, R, M) V around their means (s, M) V, summed over the samples."""
    off = values - means[:, None]
    return np.einsum("srm,srm->m", off, off) / values.shape[1]


def _farthest(readings: Array, first: int) -> Deviation:
    """Among readings (s, R, M) V of samples from `first` on."""
    repeats = readings.shape[1]
    off = np.abs(readings - medians(readings)[:, None])
    noise = NORMAL * float(medians(off.reshape(1, -1))[0]) * math.sqrt(repeats / (repeats - 1))
    at = np.unravel_index(int(off.argmax()), off.shape)
    return Deviation(first + int(at[0]), int(at[2]), float(readings[at]), float(off[at]), noise)


def medians(values: Array) -> Array:
    """Along the second axis, of finite numbers: what `np.median` says, in a third of its time."""
    ordered, count = np.sort(values, axis=1), values.shape[1]
    middle: Array = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
    return middle
