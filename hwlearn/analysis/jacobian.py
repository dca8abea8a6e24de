"""The Jacobian ∂o/∂g of the outputs, by adjoints, without ever forming samples × edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.sensitivity import Sensitivity
from hwlearn.learning.task import Task
from hwlearn.network import Network

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

RANK_TOLERANCE = 1e-9
"""Singular values below this part of the largest count as zero."""

ROUNDED = 1e-12
"""What rounding may leave of products of orthonormal columns."""


@dataclass(frozen=True, eq=False)
class Jacobian(Sensitivity):
    """J (S·n_out, E) = ∂o/∂g [V/S], rows sample by sample; columns of fixed edges are zero.

    `J[(s, a), e] = −(Δλ_a)_e (Δv_s)_e` (docs/theory.md): the drop in sample s times the drop for a unit current at output a.
    Drops are linear in the sources, Δv_s = D x_s, so J is known from D (E, q), the adjoint drops Λ (E, n_out) and the samples
    X (S, q), in terms of the q sources or of fewer combinations of them.

    Attributes:
        network, conductances: where it was taken, (E,) S.
        source_drops: D. adjoint_drops: Λ, zero on fixed edges. weights: X.
        resistance: R (n_out, n_out) Ω.
        outputs: (S, n_out) V.
        targets: (S, n_out) V.
        volts: the largest node voltage of any sample [V], or a bound on it.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(S·n_out, E)."""
        return self.outputs.size, len(self.source_drops)

    @property
    def rms(self) -> float:
        """Root mean square of the error o − y [V]."""
        return float(np.sqrt(np.mean((self.outputs - self.targets) ** 2)))

    @property
    def size(self) -> float:
        """The largest voltage of any sample, or target [V]."""
        return max(self.volts, float(np.abs(self.targets).max(initial=0.0)))

    @property
    def rounding(self) -> float:
        """What rounding alone may leave in J [V/S]; smaller singular values are zero."""
        return 1e-13 * self.volts * float(np.abs(self.resistance).max(initial=0.0))

    def matrix(self) -> Array:
        """J as a dense array, (S·n_out, E)."""
        return product(self.source_drops @ self.weights.T, self.adjoint_drops)

    def operator(self) -> LinearOperator:
        """J as a scipy LinearOperator; a product costs O(E · sources · n_out), whatever the number of samples."""
        from scipy.sparse.linalg import LinearOperator

        rows, columns = self.shape

        def matvec(change: Array) -> Array:
            return self.times(np.ravel(change)).ravel()

        def rmatvec(error: Array) -> Array:
            return self.transposed_times(np.reshape(error, self.outputs.shape))

        options: dict[str, Any] = {"matvec": matvec, "rmatvec": rmatvec, "dtype": np.dtype(np.float64)}
        return LinearOperator((rows, columns), **options)

    def independent(self) -> tuple[Array, Array]:
        """The samples as combinations of few independent ones: (U (S, r), K (r·n_out, E)) with J = (U ⊗ 1) K, UᵀU = 1.

        J and K have the same singular values. r is the number of independent samples, at most the number of sources.
        """
        mixing, drops = self.samples()
        return mixing, product(drops, self.adjoint_drops)

    def samples(self) -> tuple[Array, Array]:
        """U (S, r) as in `independent`, and the drops (E, r) of the independent samples [V]."""
        if _orthonormal(self.weights):
            return self.weights, self.source_drops
        left, sizes, right = np.linalg.svd(self.weights, full_matrices=False)
        rank = int((sizes > RANK_TOLERANCE * sizes.max(initial=0.0)).sum())
        return left[:, :rank], self.source_drops @ (right[:rank] * sizes[:rank, None]).T


def jacobian(network: Network, task: Task, conductances: ArrayLike | None = None) -> Jacobian:
    """The Jacobian of a linear network for all samples of a task.

    Args:
        network: resistors and DC sources only.
        task: its inputs say where; its targets are kept for later.
        conductances: (E,) S; those of the network if not given.

    Raises:
        ModelError, TaskError, NetworkError: the network is not linear, the task does not fit, a conductance cannot be.
    """
    task.check(network)
    with ExactCircuit(network) as circuit:
        if conductances is not None:
            circuit.program(conductances)
        return take(circuit, task)


def take(circuit: ExactCircuit, task: Task) -> Jacobian:
    """The Jacobian of a circuit as it is programmed, for a task that fits."""
    return Jacobian.of(circuit, task)


def _orthonormal(columns: Array) -> bool:
    """Whether they are, as the exact model makes them of samples that are fewer than the sources."""
    samples, count = columns.shape
    return count <= samples and np.abs(columns.T @ columns - np.eye(count)).max(initial=0.0) < ROUNDED


def product(drops: Array, adjoint: Array) -> Array:
    """(k·p, E): −adjoint_a ∘ drop_s, for drops (E, k) and adjoint (E, p)."""
    # Row-major, or numpy multiplies such matrices without BLAS.
    return np.multiply(-drops.T[:, None, :], adjoint.T[None, :, :], order="C").reshape(-1, len(drops))
