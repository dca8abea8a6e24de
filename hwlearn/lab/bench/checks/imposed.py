"""`Imposed`: sources at outputs made what they were told, as they do not after a reset or a power cycle."""

from __future__ import annotations

import numpy as np

from hwlearn.circuits.drive import Hold, Pull
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import IMPOSED, IMPOSED_FLOOR, Check, advice, floor_volts
from hwlearn.lab.bench.nudge import MeterNudge, SeriesNudge
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases


class Imposed(Check):
    """An injected current as the source meter measures it, a held voltage as the scanner reads it, and one that pulls too.

    A current through a resistor, which is corrected until it is right, is not looked at again; one that is pulled must not be
    beyond the limit.
    """

    always = True

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._signs = bench.plan.network.port_incidence.toarray()

    def after(self, phase: Phase) -> None:
        imposed, settings, outputs = phase.asked.imposed, self.bench.plan.station.settings, phase.asked.outputs
        if imposed is None:
            return
        pull = outputs if isinstance(outputs, Pull) else None
        if pull is not None:
            self._bounded(phase)
            far = phase.voltages @ self._signs.T + phase.currents / pull.conductance
            made, unit, floor = far, "V", floor_volts(self.bench.plan)
        elif isinstance(outputs, Hold):
            made, unit, floor = phase.voltages @ self._signs.T, "V", floor_volts(self.bench.plan)
        else:
            made, unit, floor = phase.currents, "A", IMPOSED_FLOOR * settings.limits.i_nudge_max
        for sample, k in np.argwhere(np.abs(made - imposed) > IMPOSED * np.abs(imposed) + floor):
            nudge = self.bench.plan.nudges[k]
            if isinstance(nudge, MeterNudge) or (isinstance(nudge, SeriesNudge) and pull is not None):
                name = nudge.meter.name if isinstance(nudge, MeterNudge) else nudge.source.name
                told, seen = float(imposed[sample, k]), float(made[sample, k])
                raise InstrumentError(
                    f"channel {nudge.channel} (output {nudge.output}) was told {told:g} {unit} in sample {sample}, and "
                    f"{seen:g} {unit} was measured; {advice(told, seen, floor)} The phase is not used",
                    name,
                )

    def _bounded(self, phase: Phase) -> None:
        """Currents through the resistors that pull are not known before they flow."""
        most = self.bench.plan.station.settings.limits.i_nudge_max
        sample, k = np.unravel_index(int(np.abs(phase.currents).argmax()), phase.currents.shape)
        if abs(phase.currents[sample, k]) > most:
            name = self.bench.plan.network.output_names[k]
            raise InstrumentError(
                f"output {name} of sample {sample} took {phase.currents[sample, k]:.3g} A through its resistor, beyond "
                f"limits.i_nudge_max = {most:g} A; solder a larger one, or take nearer targets. The phase is not used"
            )
