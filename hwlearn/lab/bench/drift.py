"""`Drift`: is a phase still the same after the nudged one?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Outputs
from hwlearn.errors import InstrumentError


@dataclass(frozen=True, eq=False)
class Phase:
    """A phase that was measured.

    Attributes:
        codes: (E,). inputs, outputs, imposed: its drive, S samples. read: (S, M) V at the read nodes.
        noise: standard deviation of one reading [V], NaN if unknown. repeats: how many make a value of `read`.
    """

    codes: NDArray[np.intp]
    inputs: Array
    outputs: Outputs
    imposed: Array | None
    read: Array
    noise: float
    repeats: int

    def imposed_in(self, sample: int) -> Array | None:
        """(n_out,) of one sample."""
        return None if self.imposed is None else self.imposed[sample]


class Drift:
    """After each nudged phase, one sample of the phase before, the samples in turn, is read once more and compared.

    Args:
        places: each read node, for errors. instruments: the name of what reads it.
        most: a reading may move by so much [V], and by `sigmas` standard deviations of its noise.
    """

    def __init__(self, places: Sequence[str], instruments: Sequence[str], *, most: float, sigmas: float) -> None:
        self._places, self._instruments, self._most, self._sigmas = places, instruments, most, sigmas
        self._turn = 0
        self.last: Phase | None = None

    def due(self, codes: NDArray[np.intp], inputs: Array, imposed: Array | None) -> tuple[Phase, int] | None:
        """(phase, sample) to drive and read again now, after a phase of these codes and this drive; None if there is none."""
        last = self.last
        if last is None or imposed is None or not self._places or not np.array_equal(last.codes, codes):
            return None
        if last.imposed is not None and np.array_equal(last.imposed, imposed) and np.array_equal(last.inputs, inputs):
            return None
        self._turn += 1
        return last, self._turn % len(last.inputs)

    def compare(self, phase: Phase, sample: int, again: Array) -> None:
        """Refuse a sample that reads differently (M,) V now.

        Raises:
            InstrumentError: names the channel.
        """
        noise = 0.0 if math.isnan(phase.noise) else phase.noise * math.sqrt(1 + 1 / phase.repeats)
        moved = np.abs(again - phase.read[sample])
        k = int(moved.argmax())
        if moved[k] > self._most + self._sigmas * noise:
            raise InstrumentError(
                f"{self._places[k]} read {phase.read[sample, k]:.6g} V in sample {sample}, and {again[k]:.6g} V when the same "
                "was driven again after the nudged phase: it drifts, has not settled, or a source is not what it was; see "
                "measure.drift_max and `hwlearn bench check`",
                self._instruments[k],
            )
