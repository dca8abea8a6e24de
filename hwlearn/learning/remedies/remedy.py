"""`Remedy`: a rule that changes another one a little."""

from __future__ import annotations

from typing import Any

from hwlearn.arrays import Array
from hwlearn.circuits.base import Measurement, Outputs
from hwlearn.learning.rule import Rule
from hwlearn.network import Network


class Remedy(Rule):
    """A rule around `rule`: the same name, units, phases and nudge, but for what a subclass overrides."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.nudge, rule.symmetric)
        self.rule = rule

    def __getattr__(self, name: str) -> Any:
        if name == "rule":  # not there yet, while it is copied or unpickled
            raise AttributeError(name)
        return getattr(self.rule, name)

    def natural_nudge(self, network: Network) -> float:
        return self.rule.natural_nudge(network)

    def free(self, targets: Array) -> Outputs:
        return self.rule.free(targets)

    def observed(self, free: Measurement, targets: Array) -> Array:
        return self.rule.observed(free, targets)

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return self.rule.nudged(free, targets, nudge)
