"""`Spread`: the readings of one sample agree with each other."""

from __future__ import annotations

import numpy as np

from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase, UnsteadyError


class Spread(Check):
    """No reading is off by more than noise explains, and the noise is within `noise_max`: a spike averages to a lie.

    A reading may be off the median of its sample by `noise_max`, or by `verify_sigma` standard deviations of the phase's own
    noise, but never by more than as many times `noise_max`. The noise is taken from the median, which a spike does not move.
    A phase that is refused is made again.
    """

    def after(self, phase: Phase) -> None:
        if not phase.readings.deviations:
            return
        measure = self.bench.plan.station.settings.measure
        for one in phase.readings.deviations:
            most = min(max(measure.noise_max, measure.verify_sigma * one.noise), measure.verify_sigma * measure.noise_max)
            if one.off > most:
                place = self.bench.plan.place(phase.read[one.channel])
                raise UnsteadyError(
                    f"{place} read {one.read:.6g} V in sample {one.sample}, {one.off:.2g} V from the median of its "
                    f"{phase.repeats} readings, where measure.noise_max allows {most:.2g} V: a spike, or not settled? Shield "
                    "it, or raise settle_s; see `hwlearn bench check`",
                    place.partition(":")[0],
                )
        self._quiet(phase, measure.noise_max)

    def _quiet(self, phase: Phase, most: float) -> None:
        """The noise of each channel is within its limit, as far as so many readings can tell."""
        freedom = len(phase.voltages) * (phase.repeats - 1)
        noise = np.sqrt(phase.readings.scatter * phase.repeats / freedom)
        at = int(noise.argmax())
        if noise[at] > most * (1 + self.bench.plan.station.settings.measure.verify_sigma / np.sqrt(2 * freedom)):
            place = self.bench.plan.place(phase.read[at])
            raise UnsteadyError(
                f"{place} reads with {noise[at]:.2g} V of noise, and measure.noise_max allows {most:.2g} V: shield it, raise "
                "nplc, or raise noise_max; see `hwlearn bench check`",
                place.partition(":")[0],
            )
