"""`Spread`: the readings of one sample agree with each other."""

from __future__ import annotations

import numpy as np

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase


class Spread(Check):
    """No reading is farther from the mean "
    f"of its sample than noise of `noise_max` explains: a spike averages to a lie."""

    def after(self, phase: Phase) -> None:
        measure = self.bench.plan.station.settings.measure
        if not phase.readings.size:
            return
        off = np.abs(phase.readings - phase.readings.mean(axis=1, keepdims=True))
        sample, reading, at = np.unravel_index(int(off.argmax()), off.shape)
        most = measure.verify_sigma * measure.noise_max
        if off[sample, reading, at] > most:
            place = self.bench.plan.place(phase.read[at])
            read, by = phase.readings[sample, reading, at], off[sample, reading, at]
            raise InstrumentError(
                f"{place} read {read:.6g} V in sample {sample}, {by:.2g} V from the mean "
                f"of its {phase.repeats} readings, where measure.noise_max allows {most:.2g} V: a spike, or not "
                "settled? Shield it, or raise settle_s; see `hwlearn bench check`",
                place.partition(":")[0],
            )
