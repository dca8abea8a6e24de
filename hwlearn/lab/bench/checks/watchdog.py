"""`Watchdog`: a visit ends before a box opens its resistors because it heard nothing."""

from __future__ import annotations

from hwlearn.errors import StationError
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.phase import Asked


class Watchdog(Check):
    """A box hears from us between the visits of a phase, see `Phases.measure`, but not while one lasts."""

    always = True

    def before(self, asked: Asked) -> None:
        plan, seconds = self.bench.plan, self._seconds(asked)
        for box in plan.devices.boxes:
            most = plan.station.settings.instrument[box.name].watchdog_s
            if most and seconds >= most:
                raise StationError(
                    f"{plan.station.path}: settling and reading take {seconds:.3g} s or more, and instrument.{box.name}."
                    f"watchdog_s = {most:g} would open the resistors meanwhile; raise it, or lower settle_s, repeats or nplc"
                )

    def _seconds(self, asked: Asked) -> float:
        """At least so long lasts the longest visit: settling, and the integration of its readings."""
        plan, bench = self.bench.plan, self.bench
        cycles = sum(plan.station.nplc(place.partition(":")[0]) for place in plan.scan.places)
        turns = visits(len(asked.inputs), bench.repeats.number, plan.station.settings.measure.order)
        return bench.settle + max(n for _, n in turns) * cycles / plan.station.settings.defaults.line_hz
