"""Overclamping: aim beyond the target, and stop there."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Measurement, Outputs
from hwlearn.errors import HwlearnError
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Rule, VoltageRule


class Overclamped(Remedy):
    """A voltage rule whose nudged phase aims `push` beyond the target, and at an output that is right not at all.

    The nudge shrinks with the error e, a bias of the updates does not: learning rests where they cancel, at e = Λ⁻¹Jb/α
    (`hwlearn.analysis.floors.bias_floor`). Here the nudge is made of e + push · sign e while |e| > rest, and of 0 otherwise:
    it stays larger than the bias until the output is right. When all outputs of all samples are, nothing is changed, and
    what is not changed is not biased. After the overclamping of Dillavou et al. (arXiv:2505.22887), which amplifies the
    clamp and learns only samples that are still wrong.

    Args:
        rule: EP, CL or full clamp.
        push: V; more than the error that the rule alone ends with.
        rest: V; at least what one step changes the outputs by, else they jump across the target for ever.

    Raises:
        HwlearnError: a rule that observes currents, or a negative number.
    """

    def __init__(self, rule: Rule, push: float, rest: float) -> None:
        if not isinstance(rule, VoltageRule):
            raise HwlearnError(f"overclamping needs a rule that observes voltages (ep, cl, clamp), not {rule!r}")
        for name, value in (("push", push), ("rest", rest)):
            if not (np.isfinite(value) and value >= 0):
                raise HwlearnError(f"{name} is {value}; it must be 0 V or more")
        super().__init__(rule)
        self.push, self.rest = float(push), float(rest)

    def __repr__(self) -> str:
        return f"Overclamped({self.rule!r}, push={self.push}, rest={self.rest})"

    def settled(self, free: Measurement, targets: Array) -> bool:
        return bool((np.abs(self.observed(free, targets)) <= self.rest).all())

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        error = self.observed(free, targets)
        aim = np.where(np.abs(error) > self.rest, targets - self.push * np.sign(error), free.output_voltages)
        return self.rule.nudged(free, aim, nudge)
