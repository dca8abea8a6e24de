"""`accepted_phase`: a phase in which no connection failed, and that no check refuses."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks import Check
from hwlearn.lab.bench.phase import Asked, Phase
from hwlearn.lab.bench.phases import Phases

TRIES = 3
"""A phase in which a connection failed is made again, up to this many times in all."""


def accepted_phase(bench: Phases, asked: Asked, checks: Sequence[Check]) -> Phase:
    """Make a phase, and again if a connection failed: what comes after may be an instrument that was switched off.

    Raises:
        InstrumentError: an instrument failed, or a check refuses the phase.
    """
    said = ""
    for _ in range(TRIES):
        before = bench.recoveries()
        try:
            bench.prepare()
            phase = bench.measure(asked)
            for check in checks:
                check.after(phase)
        except InstrumentError as error:
            if not bench.lost(before):
                raise
            said = f"; at last: {error}"
        now = bench.recoveries()
        if now == before:
            for check in checks:
                check.accepted(phase)
            return phase
    failed = ", ".join(name for name in now if now[name] != before[name])
    raise InstrumentError(f"the connection failed in each of {TRIES} tries of a phase; check its cable{said}", failed)
