"""`Watchdog`: a visit ends before a box opens its resistors because it heard nothing."""

from __future__ import annotations

from hwlearn.errors import StationError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.phase import Asked
from hwlearn.lab.bench.phases import Phases
from hwlearn.lab.station.visits import visit_seconds, within_watchdogs


class Watchdog(Check):
    """A box hears from us between the visits of a phase, see `Phases.measure`, but not while one lasts.

    A station whose single readings take too long is refused when it is read; here, what a phase asks for.
    """

    always = True

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._short: set[tuple[int, int, float]] = set()  # samples, repeats and settling that are known to be

    def before(self, asked: Asked) -> None:
        plan, bench = self.bench.plan, self.bench
        station, one = plan.station, (len(asked.inputs), self.bench.repeats.number, self.bench.settle)
        if one in self._short:
            return
        turns = visits(len(asked.inputs), bench.repeats.number, station.settings.measure.order)
        longest = max(readings for _, readings in turns)
        try:
            within_watchdogs(station.settings, visit_seconds(station.settings, plan.scan.places, longest, bench.settle))
        except StationError as error:
            raise StationError(f"{station.path}: {error}") from None
        self._short.add(one)
