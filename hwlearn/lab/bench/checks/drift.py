"""`Drift`: the phase before the nudged one is still the same after it."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases


class Drift(Check):
    """After each nudged phase, one sample of the phase before, the samples in turn, is driven and read once more.

    A reading may move by `drift_max`, and by `verify_sigma` standard deviations of its noise.
    """

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._turn = 0
        self._last: Phase | None = None

    def after(self, phase: Phase) -> None:
        last = self._last
        if last is None or not self._contrasted(last, phase):
            return
        self._turn += 1
        sample = self._turn % len(last.asked.inputs)
        self.bench.drive(last.asked, sample)
        reads, count = self.bench.plan.reads, len(last.read)
        again = reads.voltages(self.bench.scan(sample, 1))[0, :count]
        before = last.voltages[sample, last.read]
        plan, moved = self.bench.plan, np.abs(again - before)
        measure = plan.station.settings.measure
        noise = 0.0 if math.isnan(last.noise) else last.noise * math.sqrt(1 + 1 / last.repeats)
        excess = moved - measure.drift_max * reads.reach[:count] - measure.verify_sigma * noise
        k = int(excess.argmax())
        if excess[k] > 0:
            place = plan.place(last.read[k])
            raise InstrumentError(
                f"{place} read {before[k]:.6g} V in sample {sample}, and {again[k]:.6g} V when the same was driven again "
                "after the nudged phase: it drifts, has not settled, or a source is not what it was; see measure.drift_max "
                "and `hwlearn bench check`",
                place.partition(":")[0],
            )

    def accepted(self, phase: Phase) -> None:
        self._last = phase

    def _contrasted(self, last: Phase, phase: Phase) -> bool:
        """Whether this is a nudged phase at the same codes, and the one before was another."""
        before, now = last.asked, phase.asked
        if now.imposed is None or not last.read or not np.array_equal(last.codes, phase.codes):
            return False
        same = before.imposed is not None and np.array_equal(before.imposed, now.imposed)
        return not (same and np.array_equal(before.inputs, now.inputs))
