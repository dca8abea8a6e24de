"""How the resistance of a memristive device depends on its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Numbers = Callable[[Any, Any, Any], Any]
"""Of three numbers, or arrays of them."""


class Resistance(NamedTuple):
    """Falls from r_off at state 0 to r_on at state 1. Functions are of r_on [Ω], r_off [Ω] and a third number.

    Attributes:
        ohms: of the state.
        state: of the resistance [Ω].
        falls: −dr/dx [Ω], of the resistance [Ω].
        expression: the resistance for ngspice, of `{r_on}`, `{r_off}`, and the state, the voltage of `{node}`.
    """

    ohms: Numbers
    state: Numbers
    falls: Numbers
    expression: str


LINEAR = Resistance(
    ohms=lambda r_on, r_off, state: r_off + (r_on - r_off) * state,
    state=lambda r_on, r_off, ohms: (r_off - ohms) / (r_off - r_on),
    falls=lambda r_on, r_off, ohms: r_off - r_on,
    expression="({r_off}+({r_on}-{r_off})*v({node}))",
)
"""r = r_off + (r_on − r_off) x."""

EXPONENTIAL = Resistance(
    ohms=lambda r_on, r_off, state: r_on * (r_off / r_on) ** (1 - state),
    state=lambda r_on, r_off, ohms: np.log(r_off / ohms) / np.log(r_off / r_on),
    falls=lambda r_on, r_off, ohms: ohms * np.log(r_off / r_on),
    expression="({r_on}*exp(ln({r_off}/{r_on})*(1-v({node}))))",
)
"""r = r_on e^(λ(1 − x)) with e^λ = r_off/r_on: every part of the range changes r by the same factor."""
