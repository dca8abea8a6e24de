"""What noise does to a learning rule: how large a nudge must be, and how often to read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement

DETECTED = 3.0
"""A nudge counts as measured if it moves an edge by so many standard deviations."""


@dataclass(frozen=True, eq=False)
class Nudging:
    """Two phases that a rule contrasts, as a model foresees them: nudged and free, or nudged to both sides if symmetric.

    Attributes:
        one, two: (S, E) V, drops of the edges.
        currents: (S, n_out) A, what the nudge adds at the outputs to the free phase.
        symmetric: whether it is made to both sides.
    """

    one: Array
    two: Array
    currents: Array
    symmetric: bool


def gradient_error(nudging: Nudging, noise: float, repeats: int) -> float:
    """Expected size of the error of a rule's direction, relative to the direction.

    An edge reads C = Σ_s (a² − b²) from drops a and b in both phases. A drop is a difference of two channels that are read N
    times, so its variance is 2 s²/N and, to first order, var C = Σ_s 4 (a² + b²) 2 s²/N. The relative error is
    √(Σ_e var C / Σ_e C²). For small nudges that shift the drops by d = I T_e it is 2 s/(√N d), and half of it if symmetric.

    Args:
        noise: standard deviation s of one reading [V]. repeats: N.
    """
    variance, power = _variance_and_power(nudging.one, nudging.two, noise / math.sqrt(repeats))
    return math.sqrt(variance / power) if power else math.inf


def repeats_for(error: float, nudging: Nudging, noise: float) -> int | None:
    """The number of readings with which `gradient_error` comes down to `error`, at least 1; None where there is no nudge."""
    one = gradient_error(nudging, noise, 1)
    return max(1, math.ceil((one / error) ** 2)) if math.isfinite(one) else None


def smallest_nudge(transfer: Array, noise: float, repeats: int, symmetric: bool) -> float:
    """The smallest current [A] that half of the edges notice: I = 2 k s/(√N |T_e|), half of that if symmetric; k = `DETECTED`.

    The drop of an edge changes by I T_e, and the difference of two drops has the standard deviation 2 s/√N.

    Args:
        transfer: (E,) T_e [Ω], drop of each edge per current at the output.
        noise: of one reading [V]. repeats: N.
    """
    median = float(np.median(np.abs(transfer)))
    if not median:
        return math.inf
    return (1 if symmetric else 2) * DETECTED * noise / (math.sqrt(repeats) * median)


class Repeats:
    """How often each channel is read: a fixed number, or one that is chosen anew after each contrast of two phases.

    Args:
        number: to begin with.
        error: wanted relative error of a rule's direction; None leaves the number as it is.
        most: never more.

    Attributes:
        number: readings per channel and sample now.
    """

    def __init__(self, number: int, error: float | None = None, most: int = 1) -> None:
        self.number, self._error, self._most = number, error, most

    def contrasted(self, one: Array, two: Array, noise: float) -> None:
        """Learn from the measured drops (S, E) [V] of two phases; `noise` is that of a node voltage, already averaged [V].

        The noise adds its own variance to the measured Σ C², which is taken off. The number at most doubles or halves, and
        stays even, for ABBA.
        """
        if self._error is None or not noise > 0:
            return
        variance, power = _variance_and_power(one, two, noise)
        wanted = self.number * variance / self._error**2 / (power - variance) if power > variance else math.inf
        wanted = min(max(wanted, self.number / 2), 2 * self.number, self._most)
        self.number = 2 * math.ceil(wanted / 2)


@dataclass(frozen=True, eq=False, repr=False)
class BenchMeasurement(SampledMeasurement):
    """A measurement whose contrast tells how often to read next time."""

    repeats: Repeats | None = None

    def contrast(self, reference: Measurement) -> Array:
        if self.repeats is not None:
            self.repeats.contrasted(self.edge_drops(), reference.edge_drops(), self.noise)
        return super().contrast(reference)

    def __getitem__(self, chosen: slice) -> BenchMeasurement:
        return replace(
            self,
            voltages=self.voltages[chosen],
            output_voltages=self.output_voltages[chosen],
            output_currents=self.output_currents[chosen],
            input_currents=self.input_currents[chosen],
        )


def _variance_and_power(one: Array, two: Array, noise: float) -> tuple[float, float]:
    """(Σ_e var C_e, Σ_e C_e²) [V⁴] of node voltages with this noise [V]."""
    contrast = ((one - two) * (one + two)).sum(0)
    return 8 * noise**2 * float((one**2 + two**2).sum()), float(contrast @ contrast)
