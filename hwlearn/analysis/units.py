"""`units_of`: what the rates and learning rates of a rule are measured in."""

from __future__ import annotations

from typing import NamedTuple

from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.rules import RULES
from hwlearn.text import inverse_unit


class Units(NamedTuple):
    """The units of a mode's rate and of a learning rate, which is the inverse."""

    rate: str
    step: str


def units_of(rule: str, loss: Loss | None = None) -> Units:
    """The units for a rule, by its name, and a loss; the squared error if none is given."""
    rate = RULES.get(rule)().rate_unit
    if loss is not None:
        rate = rate.replace(SquaredError.unit, loss.unit)
    return Units(rate, inverse_unit(rate))
