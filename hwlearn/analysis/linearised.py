"""`Linearised`: what a rule's phases make of small errors and of noise, near a solution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import inv

from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.remedies import Remedy
from hwlearn.learning.rule import Rule
from hwlearn.learning.table import Means, TableRule

NAMES = ("ep", "cl", "al")


class IllConditioned(HwlearnError):
    """Modes are further apart than rounding can tell."""

    def __init__(self) -> None:
        super().__init__(
            "modes are further apart than rounding can tell: `hwlearn analyze` says which outputs hardly move; move their "
            "targets, or bring the conductances nearer to each other"
        )


def solved(matrix: Array, right: Array) -> Array:
    """x of matrix · x = right.

    Raises:
        IllConditioned: rounding alone would decide.
    """
    if matrix.size and not np.linalg.cond(matrix) < 1 / np.finfo(np.float64).eps:
        raise IllConditioned
    return np.asarray(np.linalg.solve(matrix, right))


@dataclass(frozen=True, eq=False)
class Linearised:
    """EP, CL or AL near a solution: ġ = −(1/S) Jᵀ W e + ξ, W = 1, R⁻¹, R⁻² (docs/theory.md, Coercivity).

    EP by a resistor β has W = (1 + βR)⁻¹. With I = −R⁻¹e, AL's ġ = −∇ ½‖I‖² is −JᵀR⁻²e to first order, so all are written in
    the voltage error e (S·n_out).

    Attributes:
        jacobian: at the solution.
        rule: "ep", "cl" or "al".
        nudge: in the rule's unit.
        symmetric: both sides, or one.
        by: what makes EP's current: "current", or "resistor".
    """

    jacobian: Jacobian
    rule: str
    nudge: float
    symmetric: bool
    by: Means = "current"

    @classmethod
    def of(cls, jacobian: Jacobian, rule: Rule) -> Linearised:
        """The same, for a rule object; full clamp is one-sided CL with η = 1.

        Raises:
            HwlearnError: a rule or a loss for which no prediction is known.
        """
        base = rule
        while isinstance(base, Remedy):
            base = base.rule
        if isinstance(base, TableRule) and not isinstance(base.loss, SquaredError):
            raise HwlearnError(f"no floor is predicted for the loss {base.loss.name}, only for the squared error")
        name = "cl" if rule.name == "clamp" else rule.name
        if name not in NAMES:
            raise HwlearnError(f"no floor is predicted for the rule {rule.name!r}; there are {', '.join(NAMES)}, clamp")
        by: Means = base.by if isinstance(base, TableRule) else "current"
        return cls(jacobian, name, rule.amplitude(jacobian.network), rule.symmetric, by)

    @property
    def samples(self) -> int:
        """S."""
        return len(self.jacobian.outputs)

    @cached_property
    def _conductance(self) -> Array:
        """R⁻¹ (n_out, n_out) S."""
        return solved(self.jacobian.resistance, np.eye(len(self.jacobian.resistance)))

    @cached_property
    def weight(self) -> Array:
        """W (n_out, n_out), alike for all samples."""
        if self.rule == "ep":
            return self._load
        inverse = self._conductance
        return inverse @ inverse if self.rule == "al" else inverse

    @cached_property
    def _load(self) -> Array:
        """(n_out, n_out): what part of β times the error flows, (1 + βR)⁻¹ through a resistor, all from a current source."""
        eye = np.eye(self.jacobian.outputs.shape[1])
        return np.asarray(inv(eye + self.nudge * self.jacobian.resistance)) if self.by == "resistor" else eye

    @property
    def follows_targets(self) -> bool:
        """Whether the nudged phase imposes the target itself, not what the free phase read: one-sided, through a resistor."""
        return self.by == "resistor" and not self.symmetric

    @cached_property
    def matrix(self) -> Array:
        """J (S·n_out, E)."""
        return self.jacobian.matrix()

    @cached_property
    def range(self) -> Array:
        """Orthonormal basis (S·n_out, r) of the errors that conductances can change."""
        left, sizes, _ = np.linalg.svd(self.matrix, full_matrices=False)
        return left[:, sizes > RANK_TOLERANCE * sizes.max(initial=0.0)]

    def weighted(self, errors: Array) -> Array:
        """W e for stacked errors (S·n_out, k)."""
        ports = len(self.weight)
        return np.einsum("ab,sbk->sak", self.weight, errors.reshape(self.samples, ports, -1)).reshape(errors.shape)

    @cached_property
    def rates(self) -> Array:
        """Λ (r, r) in the basis `range`: ė = −Λ e."""
        return self.range.T @ self.matrix @ self.matrix.T @ self.weighted(self.range) / self.samples

    @cached_property
    def drops(self) -> Array:
        """Δv (S, E) V at the solution."""
        return self.jacobian.weights @ self.jacobian.source_drops.T

    @cached_property
    def response(self) -> Array:
        """(E, n_out): drops per unit of what the nudge is made of, a current (EP, V/A) or a held voltage (CL and AL, V/V)."""
        return self.jacobian.adjoint_drops @ (self._load if self.rule == "ep" else self._conductance)

    def noise_maps(self) -> tuple[list[Array], Array]:
        """How one sample's readings become noise of the direction, before the factor Δv_e of each edge.

        Returns:
            One map (E, N) for the node voltages of each phase, and one (E, n_out) for the output currents of the free phase.
            With readings n₀ (free) and n₁ (nudged), or n₊ and n₋, in the two phases:

            EP   ΛC n₀ − B(n₁ − n₀)/β                    symmetric  ΛC n₀ − B(n₊ − n₋)/2β
            EP by a resistor  −B(n₁ − n₀)/β              symmetric  Λ(1 + βR)⁻¹C n₀ − B(n₊ − n₋)/2β
            CL   −[(1 − η) ΛR⁻¹C n₀ + B(n₁ − n₀)]/η      symmetric  ΛR⁻¹C n₀ − B(n₊ − n₋)/2η
            AL   −ΛR⁻¹ m₀ + B(n₁ − n₀)/η                 symmetric  −ΛR⁻¹ m₀ + B(n₊ − n₋)/2η

            because the nudge is made of noisy readings (first terms) and the contrast is (second terms).
        """
        network = self.jacobian.network
        spread = network.incidence.toarray()
        spread[network.fixed] = 0.0
        seen = network.port_incidence.toarray()
        sign = 1.0 if self.rule == "al" else -1.0
        currents = -self.response if self.rule == "al" else np.zeros_like(self.response)
        fed = np.zeros_like(spread) if self.rule == "al" or self.follows_targets else self.response @ seen
        if self.symmetric:
            contrast = sign * spread / (2 * self.nudge)
            return [fed, contrast, -contrast], currents
        contrast = sign * spread / self.nudge
        if self.rule == "cl":
            fed = -(1 / self.nudge - 1) * fed
        return [fed - contrast, contrast], currents
