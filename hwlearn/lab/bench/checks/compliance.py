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
        said = phase.meters.useless
        if said is None:
            return
        if math.isnan(said.reading.volts) or math.isnan(said.reading.amperes):
            raise InstrumentError(
                f"channel {said.channel} ({said.of}) measured nothing (NaN): is its output on, and does it measure "
                "voltage and current?",
                said.instrument,
            )
        raise InstrumentError(
            f"channel {said.channel} ({said.of}) is in compliance: what was asked for is not what was made; raise "
            "limits.v_compliance or i_compliance, or drive and nudge less; or is a lead off, or are the other "
            "terminals in use?",
            said.instrument,
        )
