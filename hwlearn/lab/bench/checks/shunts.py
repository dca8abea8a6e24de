"""`Shunts`: what shunts read is what the circuit takes."""

from __future__ import annotations

import numpy as np

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check, floor_volts
from hwlearn.lab.bench.currents import InputCurrents
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases

PART = 0.5
"""Of a current, that devices which are off their tables may hide."""


class Shunts(Check):
    """The current through an input's shunt, beside the one that its node's edges carry away by the code tables.

    Exchanged leads, another resistance and a shunt elsewhere show. Not looked at: networks with elements.
    """

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._expected = InputCurrents(bench.plan.network)

    def after(self, phase: Phase) -> None:
        plan = self.bench.plan
        if not plan.network.linear or not plan.shunts:
            return
        expected = self._expected(phase.conductances, phase.asked.inputs, phase.voltages, phase.currents)
        for k, at, ohm in plan.shunts:
            floor = floor_volts(plan) * (1 / ohm + float(phase.conductances.sum()))
            told, seen = expected[:, k], phase.fed[:, k]
            excess = np.abs(seen - told) - PART * np.abs(told) - floor
            sample = int(excess.argmax())
            if excess[sample] > 0:
                turned = abs(seen[sample] + told[sample]) <= PART * abs(told[sample]) + floor
                place = plan.scan.places[at]
                name, _, channel = place.partition(":")
                raise InstrumentError(
                    f"channel {channel} (shunt of input {plan.network.inputs[k].name}) says {seen[sample]:.3g} A in sample "
                    f"{sample}, and the edges carry {told[sample]:.3g} A away: "
                    + ("exchange its leads" if turned else "is it wired there, and its ohm right?")
                    + "; the phase is not used",
                    name,
                )
