"""`Imposed`: source meters made what they were told, as they do not after a reset or a power cycle."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.drive import Hold
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import IMPOSED, IMPOSED_FLOOR, Check, advice, floor_volts
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
            made, unit, floor = phase.voltages @ self._signs.T, "V", floor_volts(self.bench.plan)
        else:
            made, unit, floor = phase.currents, "A", IMPOSED_FLOOR * settings.limits.i_nudge_max
        for sample, k in np.argwhere(np.abs(made - imposed) > IMPOSED * np.abs(imposed) + floor):
            nudge = self.bench.plan.nudges[k]
            if isinstance(nudge, MeterNudge):
                told, seen = float(imposed[sample, k]), float(made[sample, k])
                raise InstrumentError(
                    f"channel {nudge.channel} (output {nudge.output}) was told {told:g} {unit} in sample {sample}, and "
                    f"{seen:g} {unit} was measured; {advice(told, seen, floor)} The phase is not used",
                    nudge.meter.name,
                )
