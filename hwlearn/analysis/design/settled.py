"""`settle`: the conductances at which the targets are met, along the shortest way from where the conductances begin."""

from __future__ import annotations

import numpy as np

from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Array

REACHED = 1e-9
"""Targets are met if the largest error is below this part of the largest voltage."""

ITERATIONS = 60

FITTED = 300
"""Iterations of a fit."""


def settle(start: Solved, bounds: tuple[float, float], iterations: int = ITERATIONS) -> Solved | None:
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


def fit(start: Solved, bounds: tuple[float, float], loss: float) -> Solved | None:
    """The least squares fit from `start` within bounds [S], by the logarithms of conductances; None if above `loss` [V²]."""
    from scipy.optimize import minimize

    learns, samples = start.trainable, start.plan.samples

    def at(logs: Array) -> Solved:
        conductances = start.conductances.copy()
        conductances[learns] = np.clip(np.exp(logs), *bounds)
        return start.with_conductances(conductances)

    def valued(logs: Array) -> tuple[float, Array]:
        here = at(logs)
        volts, ohms = here.drops(here.tails[learns], here.heads[learns])
        slopes = -np.einsum("es,es->e", volts, ohms @ here.error.T) * here.conductances[learns] / samples
        return here.loss, slopes

    limits = [(np.log(bounds[0]), np.log(bounds[1]))] * int(learns.sum())
    options = {"maxiter": FITTED, "maxfun": 2 * FITTED, "ftol": 1e-9, "gtol": 1e-12}
    first = np.log(start.conductances[learns])
    end = at(minimize(valued, first, jac=True, method="L-BFGS-B", bounds=limits, options=options).x)
    return end if end.loss <= loss else None


def _step(here: Solved, error: Array, bounds: tuple[float, float]) -> Array:
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
