"""How far a step of Newton's method may go."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array

PATIENCE = 60
"""Iterations with whole steps. What goes round in circles for so long, such as a JFET that drives a large resistor and turns
off at each second step, begins anew, by `SHORTER` ones. Near a solution whole steps are shorter than these."""

SHORTER = (3.0, 1.0, 0.3, 0.1, 0.03)
"""Largest steps of a potential [V], each for `PATIENCE` further iterations."""

ITERATIONS = PATIENCE * (1 + len(SHORTER))


def shorten(step: Array, iteration: int) -> None:
    """Make steps of potentials (n, S) [V] as short as they must be in an iteration, those of each sample alike."""
    if iteration >= PATIENCE:
        longest = SHORTER[iteration // PATIENCE - 1]
        step *= np.minimum(1.0, longest / np.maximum(np.abs(step).max(axis=0, initial=0.0), longest))
