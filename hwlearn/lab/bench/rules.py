"""`runnable_rules`: which rules a bench can run."""

from __future__ import annotations

from hwlearn.lab.station import Station
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import RULES
from hwlearn.network import Network


def runnable_rules(station: Station, network: Network) -> list[str]:
    """Names of the rules whose phases a station can impose on all outputs of a network."""
    able, rules = station.imposable(network), [(name, RULES.get(name)) for name in RULES]
    return [name for name, rule in rules if rule is not None and _needed(rule) <= able]


def _needed(rule: type[Rule]) -> set[str]:
    """What a rule imposes: a current is observed where a voltage is held. Whoever has phases of his own may need both."""
    imposed = getattr(rule, "imposes", None)
    if imposed is None:
        return {"current", "voltage"}
    return {imposed, "voltage"} if getattr(rule, "observes", "voltage") == "current" else {imposed}
