"""`steps_until`: how many steps a linear error dynamics takes to a wanted loss, for many circuits at once."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array

STEP = 1.8
"""Learning rate times the largest rate: 2 is where training stops being stable."""

MOST = 1e6
"""Steps that are told apart."""

HALVINGS = 40


def steps_until(grams: Array, errors: Array, samples: int, missed: float, loss: float) -> Array:
    """EP's steps (C,) until Σ_i c_i² (1 − η λ_i)²ᵗ + missed = 2 S ℓ, λ_i the rates and c_i the error along their modes.

    Args:
        grams: J Jᵀ (C, m, m) V²/S². errors: o − y (C, m) V.
        samples, missed: of the plan. loss: that is wanted [V²].

    Returns:
        Above `MOST` where it is never reached, in the order of what is left then.
    """
    rates, modes = np.linalg.eigh(grams)
    parts = np.einsum("cij,ci->cj", modes, errors) ** 2
    largest = rates[:, -1:]
    shares = np.divide(rates, largest, out=np.zeros_like(rates), where=largest > 0)  # 0 where nothing moves an output
    decay = (1 - STEP * np.clip(shares, 0.0, 1.0)) ** 2
    wanted = 2 * samples * loss - missed
    low, high = np.zeros(len(grams)), np.full(len(grams), np.log(MOST))

    def left(log: Array) -> Array:
        return np.asarray((parts * decay ** np.exp(log)[:, None]).sum(axis=1))

    over = left(high) / wanted if wanted > 0 else np.full(len(grams), np.inf)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slow = left(middle) > wanted
        low, high = np.where(slow, middle, low), np.where(slow, high, middle)
    return np.where(over > 1, MOST * over, np.exp(high))
