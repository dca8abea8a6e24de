"""`operating_point`: what can be known of a circuit that is not linear, at its present conductances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from hwlearn.analysis.advice import SLOW
from hwlearn.analysis.coercivity import in_short, in_words
from hwlearn.analysis.jacobian import RANK_TOLERANCE
from hwlearn.analysis.units import units_of
from hwlearn.arrays import Array
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.circuits.newton.small_signal import SmallSignal
from hwlearn.display import shown
from hwlearn.learning.task import Task
from hwlearn.network import Network

DEAD = 1e-6
"""An edge that moves the outputs by less than this part of what the best one does is dead, for the same relative change and
for the same change."""

ROUNDING = 1e-13
"""Part of the largest that rounding may leave where there is nothing."""

AT_ONCE = 10_000_000
"""Numbers of J that are looked at together, which bounds the memory."""

NOT_TOLD = (
    "Not told, as it rests on linearity: whether the targets can be reached, the rates of CL and AL, what the graph allows. "
    "Elsewhere than at these conductances, everything above may be otherwise."
)


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """Rank, coercivity constant and EP's rates from the Jacobian at each sample's operating point.

    Attributes:
        network, task: that were analysed.
        here: the small-signal response in each sample.
        squares: (E,) V²/S², of ∂o/∂g, sum over the outputs, mean over the samples.
        rank: of J (S·n_out, trained edges), singular values counted as in `Coercivity`.
        singular_values: σ of J [V/S], falling.
        directions: combinations (S, n_out) of outputs that no trained edge can change, one for each missing rank.
        stuck: part of the error (0 … 1, in norm) that no change of the conductances reduces to first order.
        rates: eigenvalues [1/time] of EP's error dynamics ė = −Λ e if a solution is near, mean over the samples, by falling
            real part. Λ = J Aᵀ/S with A what EP's contrast takes for J: the same for resistors
            beside reciprocal elements, and then Λ is symmetric.
        angle: between EP's direction for small nudges and the gradient [degrees]; NaN where either is zero.
    """

    network: Network
    task: Task
    here: SmallSignal
    squares: Array
    rank: int
    singular_values: Array
    directions: tuple[Array, ...]
    stuck: float
    rates: NDArray[np.complex128]
    angle: float

    def __repr__(self) -> str:
        rank = f"rank {self.rank} of {self.constraints}"
        return f"<OperatingPoint of {self.network.title}: {rank}, coercivity constant {self.constant:.4g} V²/S²>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return shown(self, "operating_point_html")

    @property
    def constraints(self) -> int:
        """Samples times outputs: what must be met separately."""
        return int(self.here.outputs.size)

    @property
    def coercive(self) -> bool:
        """J has full row rank: every small error can be learned away."""
        return self.rank == self.constraints

    @property
    def constant(self) -> float:
        """The coercivity constant σ_min(J)² [V²/S²]; 0 if rank < constraints."""
        return float(self.singular_values[-1] ** 2) if self.coercive and self.constraints else 0.0

    @property
    def slowest(self) -> float:
        """Rate of the slowest mode; 0 if some error never decays, negative if one grows."""
        return float(self.rates[-1].real) if len(self.rates) else 0.0

    @property
    def fastest(self) -> float:
        """Rate of the fastest mode."""
        return float(self.rates[0].real) if len(self.rates) else 0.0

    @property
    def max_step(self) -> float:
        """Largest stable learning rate of plain steps: |1 − αλ| < 1 for every mode that decays."""
        moving = self.rates[self.rates.real > 0]
        return float((2 * moving.real / np.abs(moving) ** 2).min(initial=math.inf))

    @property
    def sensitivity(self) -> Array:
        """(E,) V: change of the outputs for an e-fold conductance, root of the mean square over samples."""
        return self.network.conductances * np.sqrt(self.squares)

    @property
    def dead_edges(self) -> list[str]:
        """Trained edges that move no output, such as those behind a junction that is off in all samples."""
        trained = self.network.trainable
        slopes = self.sensitivity * trained / self.network.conductances
        dead = trained
        for size in (slopes, slopes * self.network.conductances):
            dead = dead & (size <= DEAD * size.max(initial=0.0))
        return [self.network.edge_names[k] for k in np.flatnonzero(dead)]

    def advice(self) -> list[str]:
        """What this means, in plain words."""
        said, ep = [], units_of("ep")
        if self.coercive:
            said.append(f"Coercive here: rank {self.rank} of {self.constraints}, constant {self.constant:.4g} V²/S².")
        else:
            what = in_short(self.directions, self.network.output_names)
            said.append(f"Not coercive here: rank {self.rank} of {self.constraints}. No trained edge changes {what}.")
        if self.stuck > 1e-6:
            said.append(f"{100 * self.stuck:.2g} % of the present error cannot be reduced from here.")
        if self.dead_edges:
            edges = "1 trained edge moves" if len(self.dead_edges) == 1 else f"{len(self.dead_edges)} trained edges move"
            said.append(
                f"{edges} no output here, such as at junctions that are off, or diodes that hold a node, in all samples."
            )
        if self.slowest < 0:
            said.append("ep: some errors grow, as its direction is not the gradient here.")
        elif not self.slowest:
            said.append(f"ep: some errors never decay; learning rate {self.max_step:.3g} {ep.step} is the limit near here.")
        else:
            slow = " (slow: plain steps will hardly finish)" if self.slowest < SLOW * self.fastest else ""
            said.append(
                f"ep: if a solution is near, the slowest error decays with {self.slowest:.3g} {ep.rate}{slow}, the "
                f"fastest with {self.fastest:.3g} {ep.rate}; learning rate {self.max_step:.3g} {ep.step} is the limit."
            )
        return [*said, NOT_TOLD]

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Rates are per unit of time of the flow, mean over the samples; steps are learning rates of plain steps."""
        return {
            "linear": False,
            "rank": self.rank,
            "constraints": self.constraints,
            "coercive": self.coercive,
            "constant": self.constant,
            "singular_values": self.singular_values.tolist(),
            "rates": {"ep": {"slowest": self.slowest, "fastest": self.fastest}},
            "max_step": {"ep": self.max_step if math.isfinite(self.max_step) else None},
            "units": {"ep": units_of("ep")._asdict()},
            "degenerate": [in_words(direction, self.network.output_names) for direction in self.directions],
            "stuck": self.stuck,
            "angle": self.angle if math.isfinite(self.angle) else None,
            "outputs": self.here.outputs.tolist(),
            "dead_edges": self.dead_edges,
            "kinks": [kink._asdict() for kink in self.here.kinks],
            "advice": self.advice(),
        }


def operating_point(network: Network, task: Task) -> OperatingPoint:
    """The Jacobian by implicit differentiation at the operating points that the task's inputs make, and what follows.

    An ideal diode is a switch there: closed where it conducts, else open. A warning names those on their kinks.

    Raises:
        ModelError, TaskError: the exact model does not take an element, or the task does not fit.
        SimulationError: no operating point was found.
    """
    task.check(network)
    with NewtonCircuit(network) as circuit:
        here, reciprocal = circuit.small_signal(task.inputs), circuit.reciprocal
    error, shape = (here.outputs - task.targets).ravel(), here.outputs.shape
    seen = _Gathered(here, network.trainable, error, symmetric=reciprocal and np.array_equal(here.contrasted, here.driving))
    left, sizes, _ = np.linalg.svd(seen.triangle.T, full_matrices=len(seen.triangle) < error.size)
    sizes = np.r_[sizes, np.zeros(error.size - len(sizes))]
    rounding = ROUNDING * float(np.abs(here.drops).max(initial=0.0)) * seen.largest
    zero = max(RANK_TOLERANCE * float(sizes.max(initial=0.0)), rounding)
    moving = sizes > zero
    rates = np.where(moving, sizes**2, 0.0).astype(np.complex128)
    if seen.crossed is not None:
        rates = np.linalg.eigvals(seen.crossed).astype(np.complex128)
        rates[np.abs(rates) <= ROUNDING * np.abs(rates).max(initial=0.0)] = 0.0
    norm = float(np.linalg.norm(error))
    return OperatingPoint(
        network,
        task,
        here,
        seen.squares / len(here.outputs),
        int(moving.sum()),
        sizes,
        tuple(left[:, k].reshape(shape) for k in np.flatnonzero(~moving)),
        float(np.linalg.norm(left[:, ~moving].T @ error)) / norm if norm else 0.0,
        rates[np.argsort(-rates.real)] / len(here.outputs),
        _angle(seen.direction, seen.gradient),
    )


class _Gathered:
    """What is asked of J (S·n_out, E), gathered block of edges by block of edges: J is never formed.

    Attributes:
        triangle: R (…, S·n_out) with RᵀR = J Jᵀ over the trained edges.
        crossed: J Aᵀ, where EP takes another A for J; else None.
        squares: (E,) of J, sum over all rows.
        gradient, direction: (E,) of the error, by J and by A; zero on fixed edges.
        largest: drop for a unit current [V/A].
    """

    def __init__(self, here: SmallSignal, trained: NDArray[np.bool_], error: Array, symmetric: bool) -> None:
        count, edges = error.size, len(trained)
        self.triangle, self.largest = np.zeros((0, count)), 0.0
        self.crossed = None if symmetric else np.zeros((count, count))
        self.squares, self.gradient, self.direction = np.zeros((3, edges))
        size = max(4 * count, AT_ONCE // max(count, 1))
        for some in (slice(first, first + size) for first in range(0, edges, size)):
            within = trained[some]
            rows = here.jacobian_at(some).reshape(count, len(within))
            self.largest = max(self.largest, float(np.abs(here.transposed.at(some)).max(initial=0.0)))
            self.squares[some] = np.einsum("ce,ce->e", rows, rows)
            rows = rows * within
            self.gradient[some] = self.direction[some] = error @ rows
            if self.crossed is not None:
                other = here.contrast_at(some).reshape(count, len(within)) * within
                self.crossed += rows @ other.T
                self.direction[some] = error @ other
            stacked = np.vstack((self.triangle, rows.T[within]))
            self.triangle = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:count]


def _angle(one: Array, two: Array) -> float:
    """Degrees."""
    size = float(np.linalg.norm(one) * np.linalg.norm(two))
    return math.degrees(math.acos(min(1.0, max(-1.0, float(one @ two) / size)))) if size else math.nan
