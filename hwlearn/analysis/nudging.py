"""How large a nudge should be: noise wants it large, its own bias small."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from hwlearn.analysis.linearised import Linearised
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.inference import noise
from hwlearn.inference.noise import DETECTED

DECADES = 6.0


def smallest_current(near: Linearised, volts: float, *, repeats: int = 1, sigmas: float = DETECTED) -> Array:
    """(E, n_out) A: the nudge current at each output whose change of each edge's drop stands out of the noise.

    See `hwlearn.inference.noise.smallest_current`. Infinite at fixed edges.
    """
    return noise.smallest_current(near.jacobian.adjoint_drops, volts, repeats, symmetric=near.symmetric, sigmas=sigmas)


def one_sided_bias(near: Linearised) -> Array:
    """(E,) by which one-sided nudging misses ġ at the error e: −(nudge/2) mean (response · e)²; AL: +, with I for e."""
    if near.symmetric:
        return np.zeros(len(near.jacobian.conductances))
    at = near.jacobian
    observed, sign = at.outputs - at.targets, -1.0
    if near.rule == "al":
        observed, sign = observed @ -np.linalg.inv(at.resistance), 1.0
    return sign * 0.5 * near.nudge * ((near.response @ observed.T) ** 2).mean(axis=1)


def direction_error(near: Linearised, volts: float, amperes: float = 0.0, repeats: int = 1) -> float:
    """Root of the expected ‖ĝ − ġ‖² of one reading of the direction, noise and one-sided bias together."""
    bias = one_sided_bias(near)
    return float(np.sqrt(_variance(near, volts, amperes) / repeats + bias @ bias))


def best_nudge(near: Linearised, volts: float, amperes: float = 0.0, repeats: int = 1) -> float:
    """The nudge whose direction error is smallest at the present error; infinite for symmetric nudges, which have no bias.

    The squared error is a + b/n + c/n² + d n² in the nudge n (noise: a, b, c; bias: d), smallest where 2d n⁴ = b n + 2c.
    Through a resistor the direction itself fades with the nudge: there the error relative to it counts.
    """
    bias = one_sided_bias(near)
    quartic = float(bias @ bias) / near.nudge**2
    if not quartic:
        return np.inf
    if near.by == "resistor":
        return _best_resistor(near, volts, amperes, repeats)
    unit = [_variance(_nudged(near, n), volts, amperes) / repeats for n in (1.0, 0.5, 0.25)]
    _, inverse, square = np.linalg.solve([[1, 1, 1], [1, 2, 4], [1, 4, 16]], unit)
    roots = np.roots([2 * quartic, 0, 0, -inverse, -2 * square])
    real = roots.real[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)]
    return float(real.max(initial=0.0))


def repeats_for(near: Linearised, volts: float, wanted: float, amperes: float = 0.0) -> int:
    """Readings to average so that the direction error is at most `wanted`.

    Raises:
        HwlearnError: the bias of the one-sided nudge alone is larger than `wanted`.
    """
    bias = one_sided_bias(near)
    left = wanted**2 - float(bias @ bias)
    if left <= 0:
        raise HwlearnError(
            f"the one-sided nudge {near.nudge:g} alone errs by {np.sqrt(bias @ bias):g}; nudge less or symmetrically"
        )
    return max(1, int(np.ceil(_variance(near, volts, amperes) / left)))


def _nudged(near: Linearised, nudge: float) -> Linearised:
    return Linearised(near.jacobian, near.rule, nudge, near.symmetric, near.by)


def _best_resistor(near: Linearised, volts: float, amperes: float, repeats: int) -> float:
    """β with the smallest error relative to the direction −JᵀW e/S, of conductances `DECADES` about 1/R."""
    at = near.jacobian
    error = (at.outputs - at.targets).reshape(-1, 1)

    def relative(decade: float) -> float:
        tried = _nudged(near, 10**decade)
        direction = tried.matrix.T @ tried.weighted(error) / tried.samples
        return direction_error(tried, volts, amperes, repeats) / float(np.linalg.norm(direction))

    middle = -float(np.log10(np.trace(at.resistance) / len(at.resistance)))
    found = minimize_scalar(relative, bounds=(middle - DECADES, middle + DECADES), method="bounded", options={"xatol": 1e-4})
    return float(10**found.x)


def _variance(near: Linearised, volts: float, amperes: float) -> float:
    """Σ_e ⟨ξ_e²⟩ of the mean over the samples."""
    phases, currents = near.noise_maps()
    per_edge = volts**2 * sum((phase**2).sum(axis=1) for phase in phases) + amperes**2 * (currents**2).sum(axis=1)
    return float(((near.drops**2).sum(axis=0) * per_edge).sum()) / near.samples**2
