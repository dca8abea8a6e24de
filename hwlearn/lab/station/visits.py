"""How long a visit to the bench lasts, and whether a resistor box would open meanwhile because it heard nothing."""

from __future__ import annotations

from collections.abc import Iterable

from hwlearn.errors import StationError
from hwlearn.lab.station.settings import StationSettings


def visit_seconds(settings: StationSettings, read: Iterable[str], readings: int, settle: float) -> float:
    """The least time [s] of a visit: `settle` [s], and `readings` integrations of each "instrument:channel" in `read`."""
    nplcs = (settings.instrument[place.partition(":")[0]].nplc or settings.measure.nplc for place in read)
    return settle + readings * sum(nplcs) / settings.defaults.line_hz


def within_watchdogs(settings: StationSettings, seconds: float) -> None:
    """Refuse visits during which a box would open its resistors.

    Raises:
        StationError: names the key and what to do.
    """
    for name, table in settings.instrument.items():
        if table.watchdog_s and seconds >= table.watchdog_s:
            raise StationError(
                f"settling and reading take {seconds:.3g} s or more, and instrument.{name}.watchdog_s = {table.watchdog_s:g} "
                "would open the resistors meanwhile; raise it, or lower settle_s, repeats or nplc"
            )
