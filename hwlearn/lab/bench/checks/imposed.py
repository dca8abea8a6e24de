"""`Imposed`: source meters made what they were told, as they do not after a reset or a power cycle."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.drive import Hold
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import IMPOSED, IMPOSED_FLOOR, Check, floor_volts
from hwlearn.lab.bench.nudge import MeterNudge
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases


class Imposed(Check):
    """An injected current as the source meter measures it, a held voltage as the scanner reads it."""

    always = True

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._signs = bench.plan.network.port_incidence.toarray()

    def after(self, phase: Phase) -> None:
        imposed, settings = phase.asked.imposed, self.bench.plan.station.settings
        if imposed is None:
            return
        if isinstance(phase.asked.outputs, Hold):
            made, unit, floor = phase.voltages @ self._signs.T, "V", floor_volts(settings.measure)
        else:
            made, unit, floor = phase.currents, "A", IMPOSED_FLOOR * settings.limits.i_nudge_max
        for sample, k in np.argwhere(np.abs(made - imposed) > IMPOSED * np.abs(imposed) + floor):
            nudge = self.bench.plan.nudges[k]
            if isinstance(nudge, MeterNudge):
                raise InstrumentError(
                    f"channel {nudge.channel} (output {nudge.output}) was told {imposed[sample, k]:g} {unit} in sample "
                    f"{sample}, and {made[sample, k]:g} {unit} was measured; is its output on, and wired? The phase is not "
                    "used",
                    nudge.meter.name,
                )
