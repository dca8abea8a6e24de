"""What must hold of each phase: one file per check. A new one is a file here, and a line in `CHECKS`."""

from hwlearn.lab.bench.checks.arrival import Arrival
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.checks.codes import Codes
from hwlearn.lab.bench.checks.compliance import Compliance
from hwlearn.lab.bench.checks.drift import Drift
from hwlearn.lab.bench.checks.following import Following
from hwlearn.lab.bench.checks.imposed import Imposed
from hwlearn.lab.bench.checks.leads import Leads
from hwlearn.lab.bench.checks.limits import Limits
from hwlearn.lab.bench.checks.modes import Modes
from hwlearn.lab.bench.checks.rest import Rest
from hwlearn.lab.bench.checks.shunts import Shunts
from hwlearn.lab.bench.checks.sources import Sources
from hwlearn.lab.bench.checks.spread import Spread
from hwlearn.lab.bench.checks.watchdog import Watchdog
from hwlearn.lab.bench.phases import Phases

__all__ = ["CHECKS", "Check", "checks_of"]

CHECKS: tuple[type[Check], ...] = (
    Limits,
    Watchdog,
    Compliance,
    Codes,
    Imposed,
    Modes,
    Rest,
    Shunts,
    Sources,
    Spread,
    Leads,
    Arrival,
    Drift,
    Following,
)
"""In the order in which they look at a phase."""


def checks_of(bench: Phases, *, verify: bool) -> list[Check]:
    """The checks of a bench; without `verify` only those that it never does without."""
    return [check(bench) for check in CHECKS if verify or check.always]
