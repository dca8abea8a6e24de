"""Coercivity: the rank of the Jacobian, the constant that decides local convergence, and what each rule makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian
from hwlearn.arrays import Array

RULES = ("ep", "cl", "al")
DENSE_ENTRIES = 40_000_000
"""Entries of K above which the spectrum's ends are found by Lanczos instead of a dense SVD."""

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
    """

    eigenvalues: Array
    active: Array
    stuck: float
    partial: bool

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
        directions: combinations (S, n_out) of outputs that no resistor can change, one for each missing rank.
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
    mixing, rows = jacobian.independent()
    ports, samples = jacobian.outputs.shape[1], len(mixing)
    error = jacobian.outputs - jacobian.targets
    lower = np.linalg.cholesky(jacobian.resistance) if _definite(jacobian.resistance) else None
    spectra: dict[str, Spectrum] = {}
    left, sizes, partial = _svd(rows)
    zero = max(RANK_TOLERANCE * float(sizes.max(initial=0.0)), jacobian.rounding)
    if lower is not None:
        weights = {"ep": np.eye(ports), "cl": np.linalg.inv(lower), "al": np.linalg.inv(jacobian.resistance)}
    else:
        weights = {"ep": np.eye(ports)}  # outputs that depend on each other cannot be held
    for rule, weight in weights.items():
        u, s, some = (left, sizes, partial) if rule == "ep" else _svd(_weighted(weight, rows))
        limit = max(RANK_TOLERANCE * float(s.max(initial=0.0)), jacobian.rounding * float(np.linalg.norm(weight, 2)))
        spectra[rule] = _spectrum(u, s, s > limit, some, mixing, error @ weight.T, samples)
    rank = len(rows) - int((sizes <= zero).sum())  # an upper bound if only the ends of the spectrum are known
    full = rank == len(rows)
    directions = tuple(mixing @ left[:, k].reshape(-1, ports) for k in range(left.shape[1]) if sizes[k] <= zero)
    constant = float(sizes[-1] ** 2) if full and len(sizes) else 0.0
    return Coercivity(len(rows), rank, constant, sizes, directions, spectra, partial)


def _spectrum(
    left: Array, sizes: Array, moving: NDArray[np.bool_], partial: bool, mixing: Array, error: Array, samples: int
) -> Spectrum:
    """Eigenvalues and how much of the error (S, n_out) lies in each mode."""
    inside = (mixing.T @ error).ravel()
    parts = left.T @ inside
    norm = float(np.linalg.norm(error))
    eigenvalues = np.where(moving, sizes**2, 0.0) / samples
    active = moving & (np.abs(parts) > ACTIVE * norm) if norm else np.zeros(len(sizes), dtype=bool)
    reached = float(np.sqrt((parts[moving] ** 2).sum()))
    stuck = float(np.sqrt(max(norm**2 - reached**2, 0.0)) / norm) if norm and not partial else 0.0
    return Spectrum(eigenvalues, eigenvalues[active], stuck, partial)


def _svd(rows: Array) -> tuple[Array, Array, bool]:
    """(U (d, k), σ (k,) falling, whether only the ends were computed) of K (d, E); k = d if complete."""
    d, edges = rows.shape
    if rows.size <= DENSE_ENTRIES or d < 8:
        left, sizes, _ = np.linalg.svd(rows, full_matrices=edges < d)
        return left, np.r_[sizes, np.zeros(d - len(sizes))], False
    from scipy.sparse.linalg import LinearOperator, eigsh

    gram = LinearOperator((d, d), matvec=lambda x: rows @ (rows.T @ np.ravel(x)), dtype=np.dtype(np.float64))
    values, left = eigsh(gram, k=6, which="BE")
    order = np.argsort(values)[::-1]
    return left[:, order], np.sqrt(np.maximum(values[order], 0.0)), True


def _weighted(weight: Array, rows: Array) -> Array:
    """(1 ⊗ M) K."""
    ports = len(weight)
    return (weight @ rows.reshape(-1, ports, rows.shape[1])).reshape(rows.shape)


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
