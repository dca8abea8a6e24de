"""`Remedy`: a rule that changes another one a little."""

from __future__ import annotations

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Outputs
from hwlearn.circuits.measurement import Measurement
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network


class Remedy(Rule):
    """A rule around a rule: the same name, units and nudge, and the loss of the rule that it is around.

    Args:
        rule: the one that it is around.
        acting: whose phases are run, if not those of `rule`.
    """

    def __init__(self, rule: Rule, acting: Rule | None = None) -> None:
        super().__init__(rule.nudge, rule.symmetric)
        self.rule, self._acting = rule, rule if acting is None else acting
        self.name, self.nudge_unit, self.loss_unit, self.sign = rule.name, rule.nudge_unit, rule.loss_unit, rule.sign
        self.loss = rule.loss

    def amplitude(self, network: Network) -> float:
        return self.rule.amplitude(network)

    def natural_nudge(self, network: Network) -> float:
        return self.rule.natural_nudge(network)

    def free(self, targets: Array) -> Outputs:
        return self._acting.free(targets)

    def observed(self, free: Measurement, targets: Array) -> Array:
        return self._acting.observed(free, targets)

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        return self._acting.nudged(free, targets, nudge)

    def settled(self, free: Measurement, targets: Array) -> bool:
        return self._acting.settled(free, targets)

    def seen_loss(self, free: Measurement, targets: Array) -> float:
        return self.rule.seen_loss(free, targets)

    def sufficient(self, circuit: Circuit, task: Task) -> Task:
        return self._acting.sufficient(circuit, task)

    def read(self, circuit: Circuit, task: Task) -> Reading:
        return self._acting.read(circuit, task)
