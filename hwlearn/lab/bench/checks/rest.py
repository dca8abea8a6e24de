"""`Rest`: with every source at zero, every channel reads zero."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phases import Phases

SCANS = 8
"""Readings per channel."""


class Rest(Check):
    """Looks once, before anything is learned, and again after an instrument was lost and found.

    A relative mode or a calculation that an earlier user left on, another range, a source that is not at zero: each shows as
    an offset. Not looked at: external supplies that are on, and networks with elements, which may hold sources of their own.
    """

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        plan = bench.plan
        given, sources = plan.station.settings.source, plan.network.fixed_sources
        self._able = not plan.network.elements and not any(s.value and given[s.name].drive == "external" for s in sources)
        self._looked: dict[str, int] | None = None

    def ready(self) -> None:
        found = self.bench.recoveries()
        if not self._able or self._looked == found:
            return
        readings, plan = self.bench.at_rest(SCANS), self.bench.plan
        measure = plan.station.settings.measure
        offsets, noise = np.median(readings, axis=0), readings.std(axis=0, ddof=1)
        least = min(float(np.sqrt((noise**2).mean())), measure.noise_max)
        most = measure.offset_max + measure.verify_sigma * 1.25 * least / math.sqrt(SCANS)  # 1.25: of a median
        at = int(np.abs(offsets).argmax())
        if abs(offsets[at]) > most:
            read, places = plan.read_nodes, plan.scan.places
            place = plan.place(read[at]) if at < len(read) else f"{places[at]} (behind a resistor)"
            raise InstrumentError(
                f"{place} reads {offsets[at]:.3g} V with every source at zero, and measure.offset_max allows "
                f"{measure.offset_max:.3g} V; is a relative mode, a calculation or another range left on, or a source not at "
                "zero? Else run `hwlearn bench calibrate`",
                place.partition(":")[0],
            )
        self._looked = found
