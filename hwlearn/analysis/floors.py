"""Error floors: where learning ends on imperfect hardware, from the Jacobian at a solution.

All are for plain steps g ← g + α ġ of all samples at once, or for momentum m ← β m + ġ, g ← g + α m (`decay` β), near a
solution, and of the loss ½ ‖e‖² [V²], mean over samples.
Bias and noise push the conductances along the solution manifold as well, where nothing holds them; a floor is that of the
place they are at.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgWarning, solve_discrete_lyapunov

from hwlearn.analysis.linearised import IllConditioned, Linearised, solved
from hwlearn.analysis.nudging import one_sided_bias
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError


@dataclass(frozen=True, eq=False)
class Floor:
    """The error that learning cannot bring down.

    Attributes:
        loss: ½ ‖e‖² [V²], mean over samples, and over time if it fluctuates.
        error: (S, n_out) V, its constant part.
        modes: (r,) V, how much (rms, if it fluctuates) of each unit eigenvector of Λ is in the error, slowest first. EP's are
            orthogonal: loss = ½ Σ modes² / S.
        rates: (r,) of these modes [1/time].
    """

    loss: float
    error: Array
    modes: Array
    rates: Array

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"loss": self.loss, "error": self.error.tolist(), "modes": self.modes.tolist(), "rates": self.rates.tolist()}


def bias_floor(near: Linearised, learning_rate: float, bias: ArrayLike, decay: float = 0.0) -> Floor:
    """Floor of an update bias b (E,) [S] per step, g ← g + α ġ + b.

    e ← e − αΛ e + J b rests at e = Λ⁻¹ J b / α: a mode of rate λ amplifies its part of the bias by 1/αλ, so that slow modes
    (small coercivity constant) make the floor, and it falls with the square of the learning rate. Momentum adds up what does
    not change sign, such as the ġ that holds against b, to ġ/(1 − β): α/(1 − β) takes the place of α here, though not in what
    is stable, α < 2 (1 + β)/λ_max.

    Raises:
        HwlearnError: the learning rate is not positive, or b does not fit.
    """
    push = near.range.T @ near.matrix @ np.where(near.jacobian.network.trainable, _per_edge(near, bias), 0.0)
    held = solved(near.rates, push)
    return constant_floor(near, held * (1 - _kept(decay)) / positive(learning_rate))


def identified_floor(near: Linearised, learning_rate: float, bias: ArrayLike, every: int) -> Floor:
    """Floor of an update bias b (E,) [S] whose sum is taken back after each `every` (N) updates
    (`hwlearn.analysis.identified.IdentifiedCircuit`).

    After j = 1 … N updates e_j = x_j + j Jb, x what was learned, x_{j+1} = x_j − αΛ e_j, and x_{N+1} = x_1. For αλN ≪ 1 the
    mean of e is zero and e a sawtooth, ⟨‖e‖²⟩ = ‖Jb‖² (N² − 1)/12. For αλN ≫ 1 it is higher than that of `bias_floor`: what
    was learned to hold against b is wrong when the sum of b is taken back.
    """
    rate, one = positive(learning_rate), np.eye(len(near.rates))
    push = near.range.T @ near.matrix @ np.where(near.jacobian.network.trainable, _per_edge(near, bias), 0.0)
    step, added = one - rate * near.rates, np.zeros(len(push))
    for j in range(1, every + 1):
        added = step @ added - j * rate * (near.rates @ push)
    learned = solved(one - np.linalg.matrix_power(step, every), added)
    errors = np.empty((every, len(push)))
    for j in range(1, every + 1):
        errors[j - 1] = learned + j * push
        learned = learned - rate * (near.rates @ errors[j - 1])
    return fluctuating_floor(near, errors.T @ errors / every)


def offset_floor(near: Linearised, offsets: ArrayLike) -> Floor:
    """Floor of constant channel offsets ω (N,) [V].

    They drop out of the contrast, but not of the error that makes the nudge: the rule brings e + κ Cω to zero, as far as the
    conductances can (else its projection, JᵀW(e + κ Cω) = 0), κ = 1 for EP and symmetric CL, 0 for AL. One-sided CL holds
    the outputs at o + Cω − η(e + Cω) and takes Cω for a nudge: κ = 1 − 1/η. One-sided EP by a resistor pulls to the targets
    themselves: κ = 0.
    """
    network = near.jacobian.network
    seen = network.port_incidence @ np.asarray(offsets, dtype=np.float64)
    factor = 1.0
    if near.rule == "al" or near.follows_targets:
        factor = 0.0
    elif near.rule == "cl" and not near.symmetric:
        factor = 1 - 1 / near.nudge
    return _wanted(near, np.tile(-factor * seen, (near.samples, 1)))


def gain_floor(near: Linearised, gains: ArrayLike) -> Floor:
    """Floor of sources at the outputs that make (1 + ε_a) of what they should, gains ε (n_out,).

    EP injects a little more or less, and symmetric CL holds ± the same: no floor. AL learns to reach what it holds, y(1 + ε):
    e = ε y, and so does one-sided EP by a resistor. One-sided CL takes the ε o that it holds too much for a nudge: e = ε o/η
    (full clamp: η = 1).
    """
    factor = 0.0
    if near.rule == "al" or near.follows_targets:
        factor = 1.0
    elif near.rule == "cl" and not near.symmetric:
        factor = 1 / near.nudge
    return _wanted(near, factor * near.jacobian.targets * np.asarray(gains, dtype=np.float64))


def noise_floor(near: Linearised, learning_rate: float, volts: float, amperes: float = 0.0, *, decay: float = 0.0) -> Floor:
    """Floor of white reading noise, standard deviations `volts` [V] per node and `amperes` [A] per held output.

    The direction's noise ξ (see `Linearised.noise_maps`) makes e ← (1 − αΛ) e + α J ξ an autoregression, whose covariance
    solves P = (1 − αΛ) P (1 − αΛ)ᵀ + α² J⟨ξξᵀ⟩Jᵀ. For small α and one mode: α⟨(Jξ)²⟩/2λ, and with small nudges ∝ 1/nudge².
    Momentum: the same for (e, αJm), both in volts; the floor of α/(1 − β), for small α.
    Least count adds LSB²/12 to volts², as long as the noise is half of it or more.
    """
    rate, kept, one = positive(learning_rate), _kept(decay), np.eye(len(near.rates))
    step = np.block([[one - rate * near.rates, kept * one], [-rate * near.rates, kept * one]])
    if np.abs(np.linalg.eigvals(step)).max(initial=0.0) >= 1:
        raise HwlearnError(f"learning_rate {rate:g} is not stable here; there is no floor")
    pushed = np.kron(np.ones((2, 2)), rate**2 * _pushed(near, volts, amperes))
    with warnings.catch_warnings():
        warnings.simplefilter("error", LinAlgWarning)
        try:
            covariance = solve_discrete_lyapunov(step, pushed)
        except LinAlgWarning:
            raise IllConditioned from None
    return fluctuating_floor(near, covariance[: len(one), : len(one)])


def drift_floor(
    near: Linearised,
    learning_rate: float,
    volts: float,
    period: float,
    phases: ArrayLike | None = None,
    *,
    decay: float = 0.0,
) -> Floor:
    """Floor of offsets that wander like `volts · sin(2π k / period + φ_n)` at reading k (`hwlearn.circuits.imperfect.Drift`).

    A step reads the S samples of the free phase, then those of the nudged one, or + and − of each in turn: the contrast takes
    the drift between them for a signal, ∝ 1/nudge. e ← (1 − αΛ) e + α J ξ answers a ξ that turns by θ a step with
    ê = α (e^{iθ} − 1 + αΛ)⁻¹ J ξ̂, whose mean square is ½ |ê|². Momentum: α/(1 − β e^{−iθ}) for α, no help against slow drift.

    Args:
        phases: φ (N,); if not given, the mean over all.
    """
    maps, _ = near.noise_maps()
    samples, turn = near.samples, 2j * np.pi / period
    firsts = [(0, 1), (samples, 2), (samples + 1, 2)] if near.symmetric else [(0, 1), (samples, 1)]
    reached = near.range.T @ near.matrix / samples
    pushed = np.zeros((len(reached), len(near.jacobian.network.nodes)), dtype=np.complex128)
    for sample, drops in enumerate(near.drops):
        for (first, stride), one in zip(firsts, maps, strict=True):
            pushed += np.exp(turn * (first + stride * sample)) * ((reached * drops) @ one)
    turned = np.exp(turn * samples * (3 if near.symmetric else 2))
    rate = positive(learning_rate) / (1 - _kept(decay) / turned)
    answer = (turned - 1) * np.eye(len(near.rates)) + rate * near.rates
    response = volts * rate * np.linalg.solve(answer, pushed)
    if phases is not None:
        response = (response @ np.exp(1j * np.asarray(phases, dtype=np.float64)))[:, None]
    left, rates = _modes(near)
    sizes = np.sqrt(0.5 * (np.abs(left @ response) ** 2).sum(axis=1))
    loss = 0.25 * float((np.abs(response) ** 2).sum()) / samples
    return Floor(loss, np.zeros(near.jacobian.outputs.shape), sizes, rates)


def one_sided_floor(near: Linearised) -> Floor:
    """What one-sided nudging adds to the error of a task that cannot be reached, ∝ nudge² in the loss; else nothing.

    There the error e, and with it the update that one-sided nudges miss (`one_sided_bias`), does not vanish: it acts like an
    update bias. The added error is orthogonal to the one that stays, so the losses add. Curvature of the set of outputs that
    can be reached is neglected.
    """
    return bias_floor(near, 1.0, one_sided_bias(near))


def _pushed(near: Linearised, volts: float, amperes: float) -> Array:
    """J⟨ξξᵀ⟩Jᵀ (r, r) in the basis `range`."""
    phases, currents = near.noise_maps()
    reached = near.range.T @ near.matrix / near.samples
    total = np.zeros((len(reached), len(reached)))
    for drops in near.drops:
        scaled = reached * drops
        for deviation, one in [(volts, phase) for phase in phases] + [(amperes, currents)]:
            spread = deviation * (scaled @ one)
            total += spread @ spread.T
    return total


def _wanted(near: Linearised, error: Array) -> Floor:
    """The floor of a rule that brings the outputs to y + error (S, n_out) [V]: e as near as the conductances can,
    JᵀW(e − error) = 0."""
    basis, weighted = near.range, near.weighted(near.range)
    reached = solved(basis.T @ weighted, weighted.T @ error.ravel())
    return constant_floor(near, reached)


def constant_floor(near: Linearised, inside: Array) -> Floor:
    """The floor of a constant error, given in the basis `range`."""
    error = (near.range @ inside).reshape(near.jacobian.outputs.shape)
    left, rates = _modes(near)
    return Floor(0.5 * float((error**2).sum()) / near.samples, error, np.abs(left @ inside), rates)


def fluctuating_floor(near: Linearised, covariance: Array) -> Floor:
    """The floor of an error that fluctuates about zero, its covariance (r, r) in the basis `range`."""
    left, rates = _modes(near)
    sizes = np.sqrt(np.maximum(np.einsum("kr,rs,ks->k", left, covariance, left), 0.0))
    return Floor(0.5 * float(np.trace(covariance)) / near.samples, np.zeros(near.jacobian.outputs.shape), sizes, rates)


def _modes(near: Linearised) -> tuple[Array, Array]:
    """Rows that read off the part of each unit eigenvector of Λ, and the rates; slowest first. Λ is similar to a symmetric
    matrix: both are real."""
    rates, right = np.linalg.eig(near.rates)
    order = np.argsort(rates.real)
    return np.linalg.inv(right.real[:, order]), rates.real[order]


def _per_edge(near: Linearised, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != near.jacobian.conductances.shape:
        raise HwlearnError(f"bias: shape {array.shape}, need {near.jacobian.conductances.shape}")
    return array


def positive(learning_rate: float) -> float:
    """The learning rate, if it is one."""
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise HwlearnError(f"learning_rate is {learning_rate}; it must be positive")
    return float(learning_rate)


def _kept(decay: float) -> float:
    if not 0 <= decay < 1:
        raise HwlearnError(f"decay is {decay}; it must be from 0 to less than 1")
    return float(decay)
