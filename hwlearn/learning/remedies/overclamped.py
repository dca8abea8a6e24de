"""Overclamping: aim beyond the target, and stop there."""

from __future__ import annotations

from copy import copy

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Rule
from hwlearn.learning.table import TableRule


class Overclamped(Remedy):
    """A voltage rule whose nudged phase aims `push` beyond the target, and at an output that is right not at all.

    The nudge shrinks with the error e, a bias of the updates does not: learning rests where they cancel, at e = Λ⁻¹Jb/α
    (`hwlearn.analysis.floors.bias_floor`). Here the signal s of the loss becomes s + push · sign s where |s| > rest, and 0
    otherwise. So it stays larger than the bias until the output is right. When all outputs of all samples are right, nothing
    is changed, and what is not changed is not biased. After the overclamping of Dillavou et al. (arXiv:2505.22887), which
    amplifies the clamp and learns only samples that are still wrong.

    Args:
        rule: EP, CL or full clamp, with any loss.
        push: V; more than the error that the rule alone ends with.
        rest: V; at least what one step changes the outputs by, else they jump across the target for ever.

    Raises:
        HwlearnError: a rule that observes currents or has a signal of its own, or a negative number.
    """

    def __init__(self, rule: Rule, push: float, rest: float) -> None:
        if not (isinstance(rule, TableRule) and rule.observes == "voltage"):
            raise HwlearnError(f"overclamping needs a rule that observes voltages (ep, cl, clamp), not {rule!r}")
        if type(rule).observed is not TableRule.observed:
            raise HwlearnError(f"{rule!r} has an error signal of its own, which cannot be pushed; write it as a Loss")
        for name, value in (("push", push), ("rest", rest)):
            if not (np.isfinite(value) and value >= 0):
                raise HwlearnError(f"{name} is {value}; it must be 0 V or more")
        self.push, self.rest = float(push), float(rest)
        acting = copy(rule)
        acting.loss = _BeyondTarget(rule.loss, self.push, self.rest)
        super().__init__(rule, acting)

    def __repr__(self) -> str:
        return f"Overclamped({self.rule!r}, push={self.push}, rest={self.rest})"


class _BeyondTarget(Loss):
    """Another loss, whose signal is pushed while it is larger than `rest`, and is none below.

    What is descended is Σ (|s| − rest)(½ (|s| + rest) + push) beyond rest, for the squared error. What is told is the value of
    the other loss, which is what the user asked for.
    """

    def __init__(self, loss: Loss, push: float, rest: float) -> None:
        self.inner, self.push, self.rest = loss, push, rest
        self.name, self.unit = loss.name, loss.unit

    def judge(self, outputs: Array, targets: Array) -> tuple[Array, float]:
        signal, loss = self.inner.judge(outputs, targets)
        return np.where(np.abs(signal) > self.rest, signal + self.push * np.sign(signal), 0.0), loss
