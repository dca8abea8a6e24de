"""`settle`: the conductances at which the targets are met, along the shortest way from where the conductances begin."""

from __future__ import annotations

import numpy as np

from hwlearn.analysis.design.wired import Wired
from hwlearn.arrays import Array

REACHED = 1e-9
"""Targets are met if the largest error is below this part of the largest voltage."""

ITERATIONS = 60


def settle(start: Wired, bounds: tuple[float, float], iterations: int = ITERATIONS) -> Wired | None:
    """Gauss–Newton steps of least norm from `start` until its outputs are the targets, within bounds [S].

    EP moves in the row space of J as these steps do, and ends near the same point. An edge that a step takes to a bound stays
    there while it is pushed against it; fixed edges stay as they are.

    Returns:
        None if the targets are not met.
    """
    size = float(np.abs(start.plan.inputs).max(initial=0.0)) or 1.0
    here, least = start, np.inf
    for _ in range(iterations):
        error = here.error.ravel()
        worst = float(np.abs(error).max(initial=0.0))
        if worst <= REACHED * size:
            return here
        if not worst < least * (1 - 1e-3) and least < np.inf:
            return None
        least = worst
        changed = _step(here, error, bounds)
        here = here.with_conductances(changed)
    return None


def fit(start: Wired, bounds: tuple[float, float], loss: float) -> Wired | None:
    """The least squares fit from `start` within bounds [S]; None if its loss is above `loss` [V²]."""
    from scipy.optimize import least_squares

    learns = start.trainable

    def whole(some: Array) -> Wired:
        every = start.conductances.copy()
        every[learns] = some
        return start.with_conductances(every)

    first = start.conductances[learns]
    found = least_squares(
        lambda some: whole(some).error.ravel(),
        np.clip(first, bounds[0] * (1 + 1e-9), bounds[1] * (1 - 1e-9)),
        lambda some: whole(some).jacobian()[:, learns],
        bounds,
        x_scale=first,
        max_nfev=ITERATIONS,
    )
    end = whole(found.x)
    return end if end.loss <= loss else None


def _step(here: Wired, error: Array, bounds: tuple[float, float]) -> Array:
    g, jacobian = here.conductances, here.jacobian()
    free = np.ones(len(g), dtype=bool)
    step = np.zeros(len(g))
    for _ in range(4):
        step[:] = 0.0
        step[free] = np.linalg.lstsq(jacobian[:, free], -error, rcond=1e-10)[0]
        pushed = free & (((g <= bounds[0]) & (step < 0)) | ((g >= bounds[1]) & (step > 0)))
        if not pushed.any():
            break
        free &= ~pushed
    longest = float(np.abs(step / g).max(initial=0.0))
    return np.clip(g + step * min(1.0, 0.7 / max(longest, 1e-300)), *bounds)
