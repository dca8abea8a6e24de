"""Coercivity: the rank of the Jacobian, the constant that decides local convergence, and what each rule makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.linalg import inv

from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian
from hwlearn.analysis.parts import Modes, Part, parts
from hwlearn.arrays import Array

RULES = ("ep", "cl", "al")
LISTED = 100
"""Directions without a resistor that are kept."""

ACTIVE = 1e-6
"""A mode is active if it holds more than this part of the error."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a rule's error dynamics near a solution, mean over the samples: ẋ = −Λ x.

    Attributes:
        eigenvalues: rates [1/time] in falling order, one per independent constraint; all of them, or both ends if `partial`.
        active: those that the present error excites, in falling order.
        stuck: part of the error (0 … 1, in norm) that no change of the conductances reduces to first order.
        partial: only the largest and the smallest were computed.
        mean: of all rates, exact also if `partial`: the trace over the number of constraints.
    """

    eigenvalues: Array
    active: Array
    stuck: float
    partial: bool
    mean: float

    @property
    def slowest(self) -> float:
        """Rate of the slowest mode; 0 if coercivity fails. The loss decays like exp(−2 · slowest · t)."""
        return float(self.eigenvalues[-1]) if len(self.eigenvalues) else 0.0

    @property
    def observed(self) -> float:
        """Rate of the slowest active mode: what a run will show."""
        return float(self.active[-1]) if len(self.active) else 0.0

    @property
    def max_step(self) -> float:
        """Largest stable learning rate, 2/λ_max."""
        return 2.0 / float(self.eigenvalues[0]) if len(self.eigenvalues) and self.eigenvalues[0] > 0 else np.inf

    @property
    def best_step(self) -> float:
        """Learning rate that converges fastest, 2/(λ_min + λ_max), over the modes that can decay."""
        moving = self.eigenvalues[self.eigenvalues > 0]
        return 2.0 / float(moving[0] + moving[-1]) if len(moving) else np.inf


@dataclass(frozen=True, eq=False)
class Coercivity:
    """Whether and how fast a circuit can learn a task from where it is.

    Attributes:
        constraints: independent samples times outputs: rows that J must span.
        rank: of J; singular values below `RANK_TOLERANCE` of the largest, or below what rounding leaves, count as zero.
        constant: the coercivity constant σ_min(J)² [V²/S²] over the independent constraints; 0 if rank < constraints.
        singular_values: σ of J [V/S], falling; both ends if `partial`.
        directions: combinations (S, n_out) of outputs that no resistor can change, one for each missing rank, up to
            `LISTED`.
        spectra: for "ep" (JJᵀ), "cl" (JJᵀR⁻¹), "al" (R⁻¹JJᵀR⁻¹), each over the number of samples.
    """

    constraints: int
    rank: int
    constant: float
    singular_values: Array
    directions: tuple[Array, ...]
    spectra: dict[str, Spectrum]
    partial: bool

    @property
    def coercive(self) -> bool:
        """J has full row rank: every small error can be learned away."""
        return self.rank == self.constraints


def coercivity(jacobian: Jacobian) -> Coercivity:
    """Rank, constant, spectra and directions of a Jacobian, for EP, CL and AL (docs/theory.md, Coercivity).

    With L Lᵀ = R, JJᵀR⁻¹ has the eigenvalues of L⁻¹JJᵀL⁻ᵀ, so all three are squared singular values of M J, M = 1, L⁻¹, R⁻¹.
    """
    mixing, found = parts(jacobian)
    ports, samples = jacobian.outputs.shape[1], len(mixing)
    constraints = sum(part.count for part in found)
    error = jacobian.outputs - jacobian.targets
    lower = np.linalg.cholesky(jacobian.resistance) if _definite(jacobian.resistance) else None
    weights: dict[str, Array] = {"ep": np.eye(ports)}
    if lower is not None:  # outputs that depend on each other cannot be held
        weights |= {"cl": inv(lower), "al": inv(jacobian.resistance)}
    spectra: dict[str, Spectrum] = {}
    plain = [part.modes() for part in found]
    zero = max(RANK_TOLERANCE * max((float(modes.sizes.max(initial=0.0)) for modes in plain), default=0.0), jacobian.rounding)
    for rule, weight in weights.items():
        own = [weight[np.ix_(part.outputs, part.outputs)] for part in found]
        modes = [
            one.times(mine.item()) if mine.size == 1 else part.modes(mine) if rule != "ep" else one
            for part, one, mine in zip(found, plain, own, strict=True)
        ]
        inside = mixing.T @ (error @ weight.T)
        held = [one.left.T @ inside[:, part.outputs].ravel() for part, one in zip(found, modes, strict=True)]
        mean = sum(part.trace(one) for part, one in zip(found, own, strict=True)) / max(constraints * samples, 1)
        rounding = jacobian.rounding * float(np.linalg.norm(weight, 2))
        spectra[rule] = _spectrum(modes, held, rounding, float(np.linalg.norm(error @ weight.T)), mean, samples)
    sizes = np.sort(np.concatenate([modes.sizes for modes in plain]))[::-1] if plain else np.zeros(0)
    rank = constraints - int((sizes <= zero).sum())  # an upper bound if only the ends of the spectrum are known
    constant = float(sizes[-1] ** 2) if rank == constraints and len(sizes) else 0.0
    lost = tuple(islice(_directions(mixing, found, plain, zero, ports), LISTED))
    return Coercivity(constraints, rank, constant, sizes, lost, spectra, any(modes.partial for modes in plain))


def _directions(mixing: Array, found: list[Part], plain: list[Modes], zero: float, ports: int) -> Iterator[Array]:
    """(S, n_out) each: what no resistor changes."""
    for part, modes in zip(found, plain, strict=True):
        for k in np.flatnonzero(modes.sizes <= zero):
            direction = np.zeros((len(mixing), ports))
            direction[:, part.outputs] = mixing @ modes.left[:, k].reshape(-1, len(part.outputs))
            yield direction


def _spectrum(modes: list[Modes], held: list[Array], rounding: float, norm: float, mean: float, samples: int) -> Spectrum:
    """Eigenvalues of all parts, and how much of an error of size `norm` lies in each mode."""
    sizes, inside = (np.concatenate(kind) if kind else np.zeros(0) for kind in ([one.sizes for one in modes], held))
    order = np.argsort(-sizes, kind="stable")
    sizes, inside = sizes[order], inside[order]
    moving = sizes > max(RANK_TOLERANCE * float(sizes.max(initial=0.0)), rounding)
    eigenvalues = np.where(moving, sizes**2, 0.0) / samples
    active = moving & (np.abs(inside) > ACTIVE * norm) if norm else np.zeros(len(sizes), dtype=bool)
    partial = any(one.partial for one in modes)
    reached = float(np.sqrt((inside[moving] ** 2).sum()))
    stuck = float(np.sqrt(max(norm**2 - reached**2, 0.0)) / norm) if norm and not partial else 0.0
    return Spectrum(eigenvalues, eigenvalues[active], stuck, partial, mean)


def _definite(matrix: Array) -> bool:
    values = np.linalg.eigvalsh(matrix)
    return bool(len(values) and values[0] > 1e-12 * values[-1])


def in_short(directions: Sequence[Array], names: tuple[str, ...], terms: int = 4) -> str:
    """Directions in a few words: how many, and the largest terms of the first."""
    if not len(directions):
        return "some combination of outputs"
    first = directions[0]
    sizes = np.sort(np.abs(first).ravel())[::-1]
    least = sizes[terms - 1] if len(sizes) > terms else 0.0
    smaller = int((sizes[terms:] > 1e-3 * sizes[0]).sum())
    more = f" and {smaller} smaller terms" if smaller else ""
    told = in_words(np.where(np.abs(first) < least, 0.0, first), names) + more
    return told if len(directions) == 1 else f"{len(directions)} combinations of outputs, such as {told}"


def in_words(direction: Array, names: tuple[str, ...]) -> str:
    """A direction (S, n_out) as "0.41 T − 0.82 M + 0.41 W (sample 0)", small parts left out."""
    first = direction.ravel()[np.flatnonzero(np.abs(direction) > 1e-3 * np.abs(direction).max())[0]]
    scaled = direction * np.sign(first) / np.abs(direction).max()
    parts: list[str] = []
    for sample, row in enumerate(scaled):
        terms = [(value, name) for value, name in zip(row.tolist(), names, strict=True) if abs(value) > 1e-3]
        if terms:
            text = " ".join(f"{'−' if value < 0 else '+'} {abs(value):.3g} {name}" for value, name in terms)
            parts.append(text.removeprefix("+ ") + (f" (sample {sample})" if len(scaled) > 1 else ""))
    return ", ".join(parts)
