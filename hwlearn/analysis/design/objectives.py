"""What makes a design good: its objectives by name, from the Gram matrix of the rule's error dynamics."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array

POWERS = {"ep": 0, "cl": 1, "al": 2}
"""k of the error dynamics ẋ = −J Jᵀ R⁻ᵏ x/S, by rule (docs/theory.md, Coercivity)."""


def rates(grams: Array, resistances: Array, rule: str, samples: int) -> Array:
    """Eigenvalues (…, S·n_out) of J Jᵀ (1 ⊗ R⁻ᵏ)/S, rising, in 1/(unit of time), from J Jᵀ and R.

    With R = L Lᵀ they are those of the symmetric (1 ⊗ M)ᵀ J Jᵀ (1 ⊗ M), M = 1, L⁻ᵀ or R⁻¹.
    """
    if POWERS[rule]:
        weight = np.linalg.inv(resistances)
        if POWERS[rule] == 1:
            weight = np.linalg.cholesky(weight)
        ports = resistances.shape[-1]
        blocks = grams.reshape(*grams.shape[:-2], samples, ports, samples, ports)
        blocks = np.einsum("...ij,...sitk,...kl->...sjtl", weight, blocks, weight, optimize=True)
        grams = blocks.reshape(grams.shape)
    return np.linalg.eigvalsh(grams) / samples


def condition(found: Array) -> Array:
    """λ_max/λ_min (…,) of rates (…, m); infinite where coercivity fails."""
    least = np.maximum(found[..., 0], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(least > 1e-15 * found[..., -1], found[..., -1] / least, np.inf)
