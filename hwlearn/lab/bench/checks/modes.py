"""`Modes`: no instrument is in a mode in which it misreads."""

from __future__ import annotations

from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phases import Phases


class Modes(Check):
    """Looks once the drivers have set up their instruments, and again at one that was lost and found.

    A filter, a relative mode, a calculation, four-wire sensing: what a driver does not set back is refused.
    """

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        self._looked: dict[str, int] = {}

    def ready(self) -> None:
        recoveries = self.bench.recoveries()
        names = [name for name, found in recoveries.items() if self._looked.get(name) != found]
        for instrument, found in self.bench.plan.connection.misread(names):
            raise instrument.error(
                f"{found}, as an earlier user left it: switch that off at its front panel, or reset it (*RST); nothing was "
                "learned"
            )
        self._looked = recoveries
