"""`Spread`: the readings of one sample agree with each other."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase, UnsteadyError

NORMAL = 1.4826
"""Standard deviation of normal noise over the median of its size."""


class Spread(Check):
    """No reading is off by more than noise explains, and the noise is within `noise_max`: a spike averages to a lie.

    A reading may be off the median of its sample by `noise_max`, or by `verify_sigma` standard deviations of the phase's own
    noise, but never by more than as many times `noise_max`. The noise is taken from the median, which a spike does not move.
    A phase that is refused is made again.
    """

    def after(self, phase: Phase) -> None:
        if phase.repeats < 2 or not phase.readings.size:
            return
        measure = self.bench.plan.station.settings.measure
        off = np.abs(phase.readings - _medians(phase.readings)[:, None])
        own = NORMAL * float(_medians(off.reshape(1, -1))[0]) * math.sqrt(phase.repeats / (phase.repeats - 1))
        most = min(max(measure.noise_max, measure.verify_sigma * own), measure.verify_sigma * measure.noise_max)
        sample, reading, at = np.unravel_index(int(off.argmax()), off.shape)
        if off[sample, reading, at] > most:
            place, read = self.bench.plan.place(phase.read[at]), phase.readings[sample, reading, at]
            raise UnsteadyError(
                f"{place} read {read:.6g} V in sample {sample}, {off[sample, reading, at]:.2g} V from the median of its "
                f"{phase.repeats} readings, where measure.noise_max allows {most:.2g} V: a spike, or not settled? Shield it, "
                "or raise settle_s; see `hwlearn bench check`",
                place.partition(":")[0],
            )
        self._quiet(phase, measure.noise_max)

    def _quiet(self, phase: Phase, most: float) -> None:
        """The noise of each channel is within its limit, as far as so many readings can tell."""
        samples, repeats, _ = phase.readings.shape
        freedom = samples * (repeats - 1)
        noise: Array = np.sqrt(phase.squares / freedom)
        at = int(noise.argmax())
        if noise[at] > most * (1 + self.bench.plan.station.settings.measure.verify_sigma / np.sqrt(2 * freedom)):
            place = self.bench.plan.place(phase.read[at])
            raise UnsteadyError(
                f"{place} reads with {noise[at]:.2g} V of noise, and measure.noise_max allows {most:.2g} V: shield it, raise "
                "nplc, or raise noise_max; see `hwlearn bench check`",
                place.partition(":")[0],
            )


def _medians(values: Array) -> Array:
    """Along the second axis, of finite numbers: what `np.median` says, in a third of its time."""
    ordered, count = np.sort(values, axis=1), values.shape[1]
    middle: Array = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
    return middle
