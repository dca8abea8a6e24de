"""`accepted_phase`: a phase in which no connection failed, and that no check refuses."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks import Check
from hwlearn.lab.bench.phase import Asked, Phase, UnsteadyError
from hwlearn.lab.bench.phases import Phases

log = logging.getLogger(__name__)

TRIES = 3
"""A phase in which a connection failed, or a reading was off, is made again, up to this many times in all."""


def accepted_phase(bench: Phases, asked: Asked, checks: Sequence[Check]) -> Phase:
    """Make a phase, and again if a connection failed: what comes after may be an instrument that was switched off.

    A phase whose readings disagree with each other is made again as well.

    Raises:
        InstrumentError: an instrument failed, or a check refuses the phase.
    """
    said = ""
    for tries in range(1, TRIES + 1):
        before = bench.recoveries()
        try:
            bench.prepare()
            for check in checks:
                check.ready()
            phase = bench.measure(asked)
            for check in checks:
                check.after(phase)
        except InstrumentError as error:
            if not bench.lost(before):
                if isinstance(error, UnsteadyError) and tries < TRIES:
                    log.warning("%s; made again", error)
                    continue
                raise
            said = f"; at last: {error}"
        now = bench.recoveries()
        if now == before:
            for check in checks:
                check.accepted(phase)
            return phase
    failed = ", ".join(name for name in now if now[name] != before[name])
    raise InstrumentError(f"the connection failed in each of {TRIES} tries of a phase; check its cable{said}", failed)
