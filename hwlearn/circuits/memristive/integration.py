"""`moved`: the states of memristors after some time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import SimulationError

RELATIVE, ABSOLUTE = 1e-9, 1e-11
"""Errors of one step of the integrator; states are right to some 1e-8."""

MOST = 100_000
"""Looks at the rates after which states are taken to move too fast for the time that they are given."""


def moved(rates: Callable[[Array], Array], states: Array, seconds: float) -> Array:
    """(M,) where states (M,) are after a time [s], by their rates [1/s].

    Steps are chosen by LSODA, which also takes states that settle near an end much faster than the time that is asked for.

    Raises:
        SimulationError: they move too fast.
    """
    if seconds == 0 or not rates(states).any():
        return states
    from scipy.integrate import solve_ivp

    looks = 0

    def rate(_: float, at: Array) -> Array:
        nonlocal looks
        looks += 1
        if looks > MOST:
            raise SimulationError(
                f"the states of the memristors cannot be followed for {seconds:g} s by {MOST} looks at how fast they move; "
                "give a phase less time"
            )
        return rates(at)

    found = solve_ivp(rate, (0.0, seconds), states, method="LSODA", rtol=RELATIVE, atol=ABSOLUTE, t_eval=[seconds])
    if not found.success or not np.isfinite(found.y).all():
        raise SimulationError(f"the states of the memristors cannot be followed for {seconds:g} s: {found.message}")
    return np.clip(found.y[:, -1], 0.0, 1.0)
