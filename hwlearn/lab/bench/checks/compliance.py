"""`Compliance`: no source meter was at its limit."""

from __future__ import annotations

import math

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase


class Compliance(Check):
    """A source meter at its limit does not make what it was told."""

    always = True

    def after(self, phase: Phase) -> None:
        for said in phase.metered:
            if said.reading.tripped or not math.isfinite(said.reading.amperes):
                raise InstrumentError(
                    f"channel {said.channel} ({said.of}) is in compliance: what was asked for is not what was made; raise "
                    "limits.v_compliance or i_compliance, or drive and nudge less",
                    said.instrument,
                )
