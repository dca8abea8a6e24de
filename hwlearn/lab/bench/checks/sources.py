"""`Sources`: voltage sources read as they were set."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import IMPOSED, Check, advice, floor_volts
from hwlearn.lab.bench.feeds import Feeds
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases


class Sources(Check):
    """Inputs and fixed sources, as the scanner reads the nodes that they drive, and the shunts on the way."""

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._entering = bench.plan.network.source_incidence.toarray().T
        self._floor = floor_volts(bench.plan)

    def after(self, phase: Phase) -> None:
        plan, read, inputs = self.bench.plan, phase.voltages @ self._entering, phase.asked.inputs
        made = read[:, : inputs.shape[1]].copy()
        for k, _, ohm in plan.shunts:
            made[:, k] += phase.fed[:, k] * ohm
        self._compare(plan.inputs, inputs, made)
        if plan.constants.voltages:
            constants = np.broadcast_to(plan.constant_values, (len(inputs), len(plan.constant_values)))
            self._compare(plan.constants, constants, read[:, inputs.shape[1] + plan.driven])

    def _compare(self, feeds: Feeds, wanted: Array, read: Array) -> None:
        excess = abs(read - wanted) - IMPOSED * abs(wanted)
        for k, source, instrument, channel in feeds.voltages:
            sample = int(excess[:, k].argmax())
            if excess[sample, k] > self._floor:
                told, seen = float(wanted[sample, k]), float(read[sample, k])
                raise InstrumentError(
                    f"channel {channel} (source {source}) was set to {told:g} V in sample {sample}, and {seen:g} V was read "
                    f"across it; {advice(told, seen, self._floor)} The phase is not used",
                    instrument,
                )
