"""`loss_rates`: how fast each rule brings down a loss that is not the squared error, from its Hessian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian
from hwlearn.analysis.parts import DENSE_ENTRIES
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss


@dataclass(frozen=True, eq=False)
class LossRates:
    """Rates of a rule's modes for a loss, at given conductances, mean over the samples.

    Attributes:
        eigenvalues: (k,) those of Jᵀ R⁻ᵏ H J/S that are not zero, by falling real part [1/time]. With k > 0 some may be
            complex: such modes turn while they decay.
    """

    eigenvalues: NDArray[np.complex128]

    @property
    def slowest(self) -> float:
        """Rate of the slowest mode that moves at all; 0 if none does."""
        return float(self.eigenvalues[-1].real) if len(self.eigenvalues) else 0.0

    @property
    def max_step(self) -> float:
        """Largest stable learning rate of plain steps: 2/λ_max, or 2 Re λ/|λ|² where modes turn."""
        return float((2 * self.eigenvalues.real / np.abs(self.eigenvalues) ** 2).min(initial=np.inf))

    @property
    def best_step(self) -> float:
        """Learning rate at which fastest and slowest mode shrink alike, 2/(λ_min + λ_max)."""
        values = self.eigenvalues.real
        return 2.0 / float(values[0] + values[-1]) if len(values) and values[0] + values[-1] > 0 else np.inf


def loss_rates(at: Jacobian, loss: Loss) -> dict[str, LossRates]:
    """Rates for "ep" (k = 0) and "cl" (k = 1; full clamp alike), by Gauss–Newton: ġ = −Jᵀ R⁻ᵏ s/S, and s changes by H J δg.

    The curvature of the outputs themselves is left out. It counts as much as the error signal s is large, so the rates are
    exact where s = 0. H is the Hessian of the loss in the outputs, `Loss.curvature`. "cl" is left out where outputs depend on
    each other, and "al" always: it observes currents, and has no loss but its own.

    Raises:
        HwlearnError: J would have more than `DENSE_ENTRIES` entries.
    """
    rows, edges = at.shape
    if rows * edges > DENSE_ENTRIES or edges > 3000:
        raise HwlearnError(
            f"rates of the loss {loss.name}: a Jacobian of {rows} × {edges} is too large; take fewer samples. "
            'learning_rate = "auto" finds the largest rate in any case'
        )
    samples, ports = at.outputs.shape
    matrix = at.matrix()
    bent = np.stack(
        [loss.curvature(at.outputs, at.targets, column) for column in matrix.T.reshape(edges, samples, ports)], axis=2
    )
    held = np.linalg.cond(at.resistance) < 1e12
    inverse = np.linalg.inv(at.resistance) if held else None
    found = {}
    for power, rule in enumerate(("ep", "cl")):
        if power and inverse is not None:
            bent = np.einsum("ab,sbe->sae", inverse, bent)
        if not power or inverse is not None:
            found[rule] = LossRates(_modes(matrix.T @ bent.reshape(rows, edges) / samples, symmetric=not power))
    return found


def _modes(matrix: Array, *, symmetric: bool) -> NDArray[np.complex128]:
    """Eigenvalues that are not zero, by falling real part."""
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2) if symmetric else np.linalg.eigvals(matrix)
    values = values[np.abs(values) > RANK_TOLERANCE * np.abs(values).max(initial=0.0)].astype(np.complex128)
    return values[np.argsort(-values.real)]
