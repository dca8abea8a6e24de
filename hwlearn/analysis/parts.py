"""`Part`: rows of a Jacobian that share no resistor with the others, and their singular values however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from hwlearn.analysis.jacobian import Jacobian, product
from hwlearn.arrays import Array

DENSE_ENTRIES = 40_000_000
"""Entries of K above which it is not formed at once."""

DENSE_ROWS = 3_000
"""Rows of K above which its spectrum's ends are found by Lanczos instead of a dense decomposition."""

ENDS = 6
"""Singular values that Lanczos looks for, half of them at each end."""

ALONE = 1e-14
"""Outputs whose responses to each other are below this part of the largest do not share a resistor."""


class Modes(NamedTuple):
    """Singular values and left vectors of M K.

    Attributes:
        left: (d, k), of rows sample by sample. sizes: (k,) falling; k = d unless `partial`.
        partial: only the ends were computed.
    """

    left: Array
    sizes: Array
    partial: bool

    def times(self, factor: float) -> Modes:
        """Those of a multiple of K."""
        return Modes(self.left, abs(factor) * self.sizes, self.partial)


@dataclass(frozen=True, eq=False)
class Part:
    """Rows K (r·p, m) of a Jacobian: all independent samples, some outputs, the edges that move these and no others.

    `K[(s, a), e] = −adjoint[e, a] · drops[e, s]`.

    Attributes:
        outputs: (p,) which outputs.
        edges: (m,) which edges; all, where no outputs are left for another part.
        drops: (m, r) of the independent samples. adjoint: (m, p) per unit current into each output.
    """

    outputs: NDArray[np.intp]
    edges: NDArray[np.intp]
    drops: Array
    adjoint: Array

    @property
    def count(self) -> int:
        """d = r·p."""
        return self.drops.shape[1] * self.adjoint.shape[1]

    def rows(self) -> Array:
        """K (d, m)."""
        return product(self.drops, self.adjoint)

    def step(self, error: Array, scale: Array, damping: float) -> Array:
        """(m,): −D Kᵀ (K D² Kᵀ + damping)⁻¹ e for D = diag(scale) and an error (r, p)."""
        gram = self._gram(scale) + damping * np.eye(self.count)
        try:
            found = cho_solve(cho_factor(gram, check_finite=False), error.ravel(), check_finite=False)
        except LinAlgError:
            found = np.linalg.lstsq(gram, error.ravel(), rcond=None)[0]
        return scale * self._transposed(found.reshape(error.shape))

    def trace(self, weight: Array, scale: Array | float = 1.0) -> float:
        """Of (1 ⊗ M) K diag(scale²) Kᵀ (1 ⊗ M)ᵀ, for a weight M (p, p)."""
        squares = np.asarray((self.drops**2).sum(axis=1) * scale**2)
        blocks = self._blocks()
        return float(sum(squares[some] @ ((self.adjoint[some] @ weight.T) ** 2).sum(axis=1) for some in blocks))

    def _transposed(self, found: Array) -> Array:
        """(m,): −Kᵀ z for z (r, p), with no more than the smaller of drops and adjoint beside them."""
        if self.drops.shape[1] < self.adjoint.shape[1]:
            return np.einsum("er,er->e", self.drops, self.adjoint @ found.T)
        return np.einsum("ep,ep->e", self.adjoint, self.drops @ found)

    def _gram(self, scale: Array) -> Array:
        """K diag(scale²) Kᵀ (d, d), gathered block of edges by block of edges."""
        total = np.zeros((self.count, self.count))
        for some in self._blocks():
            rows = product(self.drops[some], self.adjoint[some] * scale[some, None])
            total += rows @ rows.T
        return total

    def _blocks(self) -> Iterator[slice]:
        size = max(4 * self.count, DENSE_ENTRIES // (4 * max(self.count, 1)))
        for first in range(0, len(self.edges), size):
            yield slice(first, first + size)

    def modes(self, weight: Array | None = None) -> Modes:
        """Of (1 ⊗ M) K for a weight M (p, p); 1 if not given."""
        if self.count > DENSE_ROWS and self.count * len(self.edges) > DENSE_ENTRIES:
            return self._ends(np.eye(len(self.outputs)) if weight is None else weight)
        reduced = self._reduced if weight is None else _weighted(weight, self._reduced)
        left, sizes, _ = np.linalg.svd(reduced, full_matrices=reduced.shape[1] < self.count)
        return Modes(left, np.r_[sizes, np.zeros(self.count - len(sizes))], False)

    @cached_property
    def _reduced(self) -> Array:
        """T (d, min(d, m)) with T Tᵀ = K Kᵀ: the triangle of Kᵀ, gathered block of edges by block of edges."""
        if self.count >= len(self.edges):
            return self.rows()
        triangle = np.zeros((0, self.count))
        for some in self._blocks():
            stacked = np.vstack((triangle, product(self.drops[some], self.adjoint[some]).T))
            triangle = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][: self.count]
        return triangle.T

    def _ends(self, weight: Array) -> Modes:
        """Both ends by Lanczos on (1 ⊗ M) K Kᵀ (1 ⊗ M)ᵀ, which is applied and never formed."""
        from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

        samples, ports = self.drops.shape[1], len(self.outputs)

        def apply(flat: Array) -> Array:
            change = self._transposed(flat.reshape(samples, ports) @ weight)[:, None]
            few = samples < ports
            rows = (self.drops * change).T @ self.adjoint if few else self.drops.T @ (self.adjoint * change)
            return (rows @ weight.T).ravel()

        options: dict[str, Any] = {"matvec": apply, "dtype": np.dtype(np.float64)}
        gram = LinearOperator((self.count, self.count), **options)
        try:
            values, left = eigsh(gram, k=ENDS, which="BE")
        except ArpackNoConvergence as error:
            values, left = error.eigenvalues, error.eigenvectors
        order = np.argsort(values)[::-1]
        return Modes(left[:, order], np.sqrt(np.maximum(values[order], 0.0)), True)


def parts(jacobian: Jacobian) -> tuple[Array, list[Part]]:
    """The samples as combinations of few independent ones, and the rows of these, part by part.

    Returns:
        U (S, r) with UᵀU = 1, and parts whose rows together are K with J = (U ⊗ 1) K: outputs of one part move apart from
        those of the others. J has the singular values of all parts.
    """
    mixing, drops = jacobian.samples()
    found = []
    for outputs in _apart(jacobian):
        if len(outputs) == jacobian.adjoint_drops.shape[1]:
            found.append(Part(outputs, np.arange(len(drops)), drops, jacobian.adjoint_drops))
            continue
        adjoint = jacobian.adjoint_drops[:, outputs]
        edges = np.flatnonzero(adjoint.any(axis=1))
        found.append(Part(outputs, edges, drops[edges], adjoint[edges]))
    return mixing, found


def _apart(jacobian: Jacobian) -> list[NDArray[np.intp]]:
    """Groups of outputs that share neither a resistor nor a response."""
    sizes = np.abs(jacobian.resistance)
    near = csr_matrix(sizes > ALONE * sizes.max(initial=0.0))
    if near.nnz < sizes.size:  # where responses vanish, resistors may still be shared
        seen = csr_matrix(jacobian.adjoint_drops != 0.0)
        near = near + seen.T @ seen
    count, label = connected_components(near, directed=False)
    return [np.flatnonzero(label == k) for k in range(count)]


def _weighted(weight: Array, rows: Array) -> Array:
    """(1 ⊗ M) K."""
    ports = len(weight)
    return np.asarray(weight @ rows.reshape(len(rows) // ports, ports, rows.shape[1])).reshape(rows.shape)
