"""`RuleTable`: the table `[rule]` of an experiment file, and the rule that is made of it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, NonNegativeFloat, ValidationError, ValidationInfo, model_validator

from hwlearn.errors import HwlearnError
from hwlearn.experiments.members import made, parameters
from hwlearn.experiments.names import Code, OneOf, code
from hwlearn.learning.loss import Loss
from hwlearn.learning.remedies import Overclamped, Thresholded
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import RULES
from hwlearn.toml import Table


class RuleTable(Table):
    """`[rule]`: see `hwlearn.learning.rule.Rule`; `nudge` is in the rule's own unit and may be left out.

    Other keys are arguments of the rule, for rules that have some.

    Attributes:
        push, rest: V, overclamping: see `hwlearn.learning.remedies.Overclamped`. Both or neither.
        threshold: see `hwlearn.learning.remedies.Thresholded`.
    """

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, OneOf(RULES)]
    nudge: float | None = None
    symmetric: bool = False
    push: NonNegativeFloat | None = None
    rest: NonNegativeFloat | None = None
    threshold: NonNegativeFloat | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the file gives the rule's class."""
        own = self.model_dump(include={"nudge", "symmetric"} & self.model_fields_set)
        return own | dict(self.__pydantic_extra__ or {})

    def rule(self, trusted: Code, loss: Loss | None = None) -> Rule:
        """The rule, remedies included.

        Raises:
            HwlearnError: arguments that make no sense, or a loss that the rule cannot descend.
        """
        kind, given = trusted.member(RULES, self.name), self.arguments
        if loss is not None:
            if "loss" not in parameters(kind):
                raise HwlearnError(f"[loss]: {self.name} has a loss of its own; leave [loss] out, or take ep, cl or clamp")
            given["loss"] = loss
        rule = made(kind, self.name, given)
        if self.push is not None and self.rest is not None:
            rule = Overclamped(rule, self.push, self.rest)
        return rule if self.threshold is None else Thresholded(rule, self.threshold)

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        if self.nudge == 0:
            raise ValueError("nudge is 0; there would be no contrast")
        if (self.push is None) != (self.rest is None):
            raise ValueError("give push and rest together, in volts")
        known = parameters(code(info).member(RULES, self.name))
        foreign = [key for key in self.arguments if key not in known]
        unknown = [key for key in foreign if key not in type(self).model_fields]
        if unknown:
            errors: list[Any] = [{"type": "extra_forbidden", "loc": (key,), "input": key} for key in unknown]
            raise ValidationError.from_exception_data("rule", errors)
        if foreign:
            raise ValueError(f"{self.name} has no {' and no '.join(foreign)}; leave {', '.join(foreign)} out, or take cl")
        try:
            self.rule(code(info))
        except HwlearnError as error:
            raise ValueError(str(error)) from None
        return self
