"""What noise does to a learning rule: how large a nudge must be, and how often to read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array

DETECTED = 3.0
"""A nudge counts as measured if it moves an edge by so many standard deviations."""


@dataclass(frozen=True, eq=False)
class Nudging:
    """Two phases that a rule contrasts, as a model foresees them: nudged and free, or nudged to both sides if symmetric.

    Attributes:
        one, two: (S, E) V, drops of the edges.
        currents: (S, n_out) A, what the nudge adds at the outputs to the free phase.
        symmetric: whether it is made to both sides.
        residuals: (S, n_out) V, open outputs less their targets; None if not known.
    """

    one: Array
    two: Array
    currents: Array
    symmetric: bool
    residuals: Array | None = None


def gradient_error(nudging: Nudging, noise: float, repeats: int) -> float:
    """Expected size of the error of a rule's direction, relative to the direction.

    An edge reads C = Σ_s (a² − b²) from drops a and b in both phases. A drop is a difference of two channels that are read N
    times, so its variance is 2 s²/N and, to first order, var C = Σ_s 4 (a² + b²) 2 s²/N. The relative error is
    √(Σ_e var C / Σ_e C²). For small nudges that shift the drops by d = I T_e it is 2 s/(√N d), and half of it if symmetric.

    Args:
        noise: standard deviation s of one reading [V]. repeats: N.
    """
    variance, power = variance_and_power([(nudging.one, nudging.two)], noise / math.sqrt(repeats))
    return math.sqrt(variance / power) if power else math.inf


def repeats_for(error: float, nudging: Nudging, noise: float) -> int | None:
    """The number of readings with which `gradient_error` comes down to `error`, at least 1; None where there is no nudge."""
    one = gradient_error(nudging, noise, 1)
    return max(1, math.ceil((one / error) ** 2)) if math.isfinite(one) else None


def smallest_current(
    transfer: ArrayLike, noise: float, repeats: int = 1, *, symmetric: bool, sigmas: float = DETECTED
) -> Array:
    """The smallest current [A] that an edge notices: I = 2 k s/(√N |T_e|), half of that if symmetric; k = `sigmas`.

    The drop of an edge changes by I T_e, twice that if symmetric, and the difference of two drops, of two channels each, has
    the standard deviation 2 s/√N. Infinite for an edge that no current moves.

    Args:
        transfer: T_e [Ω], drop of each edge per current at the output; any shape, that of the result.
        noise: of one reading [V]. repeats: N.
    """
    with np.errstate(divide="ignore"):
        return (1 if symmetric else 2) * sigmas * noise / (math.sqrt(repeats) * np.abs(np.asarray(transfer, dtype=np.float64)))


def variance_and_power(drops: Iterable[tuple[Array, Array]], noise: float) -> tuple[float, float]:
    """(Σ_e var C_e, Σ_e C_e²) [V⁴] of node voltages with this noise [V].

    Args:
        drops: those of both phases, (S, E) V each, all samples or part by part.
    """
    contrast: Array | float = 0.0
    squares = 0.0
    for one, two in drops:
        contrast = contrast + ((one - two) * (one + two)).sum(axis=0)
        squares += float((one**2 + two**2).sum())
    return 8 * noise**2 * squares, float(np.square(contrast).sum())
