"""How far a solution can be trusted when conductances are decades apart, and what is done where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.blas import dasum, ddot
from scipy.sparse import csr_array

from hwlearn.arrays import Indices
from hwlearn.circuits.linalg import SparseMap, Vector
from hwlearn.errors import SimulationError
from hwlearn.network import Network

if TYPE_CHECKING:
    from hwlearn.circuits.exact.basis import Basis
    from hwlearn.circuits.exact.system import System

ACCURACY = 1e-9
"""Largest error of a node voltage, relative to the largest in the circuit for the same source; what is worse is refused."""

CERTAIN = 1e6
"""Steps of the walk up to which rounding cannot reach `ACCURACY`."""

REFINABLE = 1e12
"""Steps of the walk up to which a factor is good enough to refine with."""

ELIMINABLE = 1000
"""Largest system that is eliminated without subtractions."""

ROUNDS = 12
SETTLED = 1e-12
"""Last correction of a refined solution, relative to its largest voltage; it leaves a thousandth of that, or rounding."""

Sources = Callable[[], "tuple[Basis, Vector]"]
"""Tells source columns, and the right-hand sides (count, n) that they make."""

KEPT = 4.0
"""Factor by which a conductance may change before the walk is looked at again."""


class Trust:
    """Which solver the present conductances ask for.

    K's diagonal adds the conductances at a node, and so loses what is 2⁻⁵³ below the sum: a cluster of large conductances that
    hangs on small ones floats. A walk that leaves a node by each edge with probability g / Σ g, until it meets a source or
    ground, takes h = K⁻¹ diag(K) steps in the mean. As K⁻¹ ≥ 0, a factorisation and a solution are wrong by at most some 2⁻⁵³
    max h of the largest voltage; most often by far less, where many nodes share in it. Up to `CERTAIN` the factor is taken as
    it is. Above, a round of refinement tells how wrong it is in fact. If this is too much, every solution is refined, and
    beyond `REFINABLE` with elimination without subtractions in the place of the factor. A larger system is refused.

    Attributes:
        steps: max h when it was looked at last; infinite if not even that could be computed.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._one_step = len(system.pattern[1]) == system.size  # no edge joins two free nodes
        self.steps = 1.0 if self._one_step else np.inf
        self._way: Callable[[System, Vector, Vector], Refined] | None = None
        self._forget()

    def _forget(self) -> None:
        self._judged, self._over = np.ones(0), np.ones(0)  # the conductances at the last judgement, and one over them
        self._near, self._constant = np.zeros(len(self._system.network.edges)), np.inf

    def plain(self, conductances: Vector) -> bool:
        """Whether the factor is good enough as it is, since it was at conductances like these, or at any."""
        if self._one_step:
            return True
        # |g − near|² ≤ (min near / 2)², so each is between a half and one and a half of what it was.
        return ddot(conductances, conductances) - 2.0 * ddot(conductances, self._near) + self._constant <= 0.0

    @property
    def loss(self) -> float:
        """What rounding may take of a potential, relative to the largest."""
        return 1e-16 * (1 + self.steps) if self._way is None else 1e-16

    def refined(self, sources: Sources, conductances: Vector, numbers: Vector) -> Refined | None:
        """What solves in the place of the Cholesky; None if that is good enough. Leaves K factored.

        Args:
            sources: asked for only where a solution has to be looked at.
            conductances: (E,) S, assembled to the `numbers` of K.

        Raises:
            SimulationError: nothing is good enough; names the edges.
        """
        judged = not self._still_near(conductances)
        if judged:
            self._judge(sources, conductances, numbers)
        if self._way is not None:
            return self._way(self._system, conductances, numbers)
        if not judged:
            self._system.cholesky.factor(numbers, conductances)
        return None

    def _still_near(self, conductances: Vector) -> bool:
        """Whether no conductance has changed by more than `KEPT` since the last judgement."""
        if not len(self._judged):
            return False
        over = conductances * self._over
        little = ddot(over, over) - 2.0 * dasum(over) + len(over) <= (1 - 1 / KEPT) ** 2  # Σ (over − 1)²
        if not (little or (over.min() >= 1 / KEPT and over.max() <= KEPT)):
            return False
        self._compare_with(conductances)
        return True

    def _judge(self, sources: Sources, conductances: Vector, numbers: Vector) -> None:
        """Look at the walk, and at a solution for the sources if that says too little. Leaves K factored."""
        system = self._system
        self._forget()
        self.steps = self._walk(conductances, numbers)
        if self.steps <= CERTAIN:
            self._way = None
        elif self.steps <= REFINABLE:
            check, ports = Refined(system, conductances, system.cholesky.solve), system.port_rows
            basis, right = sources()
            wrong = check.is_wrong(right, basis.lifts, basis.injected) or check.is_wrong(ports, None, ports)
            self._way = by_factor if wrong else None
        elif system.size <= ELIMINABLE:
            self._way = by_elimination
        else:
            raise SimulationError(decades_apart(system.network, conductances))
        self._judged, self._over = conductances.copy(), 1 / conductances
        self._compare_with(conductances)

    def _compare_with(self, conductances: Vector) -> None:
        """Let `plain` compare with these conductances, as far as rounding lets it, and if the factor is good enough."""
        square, least = ddot(conductances, conductances), conductances.min()
        reach = least * least / 4 - 1e-15 * len(conductances) * square
        if self._way is None and reach > 0:
            self._near, self._constant = conductances, square - reach

    def _walk(self, conductances: Vector, numbers: Vector) -> float:
        """Mean steps of the walk from where they are most; infinite if the factor tells nonsense."""
        system = self._system
        try:
            system.cholesky.renew(numbers, conductances)
            steps = system.cholesky.solve(numbers[system.diagonal].reshape(1, -1))
        except SimulationError:
            return np.inf
        return float(steps.max(initial=0.0)) if np.isfinite(steps).all() and (steps > 0).all() else np.inf


def decades_apart(network: Network, conductances: Vector) -> str:
    """A refusal that names the edges."""
    names, low, high = network.edge_names, int(conductances.argmin()), int(conductances.argmax())
    return (
        f"conductances are too many decades apart for right voltages: from {names[low]} of {conductances[low]:.2g} S to "
        f"{names[high]} of {conductances[high]:.2g} S; narrow the bounds, or bring these edges nearer to the others"
    )


class Refined:
    """Solutions that are corrected until Kirchhoff's current law holds, with currents summed edge by edge.

    A drop is a difference of potentials, exact where they are close, and the same rounded current leaves one end of an edge
    and enters the other. So the residual keeps what K's diagonal loses, and a correction is as exact, relative to itself, as
    the solver.

    Raises:
        SimulationError: the corrections do not settle.
    """

    def __init__(self, system: System, conductances: Vector, solve: Callable[[Vector], Vector]) -> None:
        self._system, self._conductances, self._solve = system, conductances, solve

    def solve(self, right: Vector) -> Vector:
        """(k, n) V: the potentials for currents `right` (k, n) A into the nodes, the sources at rest."""
        return self._settled(self._solve(right), None, right)

    def of_sources(self, right: Vector, basis: Basis) -> Vector:
        """(count, n) V: the potentials for each source column, `right` being what `basis` assembles."""
        return self._settled(self._solve(right), basis.lifts, basis.injected)

    def correction(self, x: Vector, lifts: Vector | None, injected: Vector) -> Vector:
        """(k, n) V that potentials x lack, for what the sources lift, (k, n_out + E), and currents `injected` (k, n)."""
        drops = self._system.seen.of_rows(x, lifts)[:, len(self._system.port_rows) :]
        return self._solve(summed(self._system.left, drops * self._conductances, injected))

    def _settled(self, x: Vector, lifts: Vector | None, injected: Vector) -> Vector:
        for _ in range(ROUNDS):
            change = self.correction(x, lifts, injected)
            x = x + change
            if (np.abs(change).max(axis=1, initial=0.0) <= SETTLED * self.size(x, lifts)).all():
                return x
        raise SimulationError(decades_apart(self._system.network, self._conductances))

    def is_wrong(self, right: Vector, lifts: Vector | None, injected: Vector) -> bool:
        """Whether plain solutions are more than a tenth of `ACCURACY` off."""
        x = self._solve(right)
        correction = np.abs(self.correction(x, lifts, injected)).max(axis=1, initial=0.0)
        return not (correction <= 0.1 * ACCURACY * self.size(x, lifts)).all()

    def size(self, x: Vector, lifts: Vector | None) -> Vector:
        """(k,) V: the largest potential or lift of each row."""
        size = np.abs(x).max(axis=1, initial=0.0)
        return size if lifts is None else np.maximum(size, np.abs(lifts).max(axis=1, initial=0.0))


def by_factor(system: System, conductances: Vector, numbers: Vector) -> Refined:
    """Refinement with the Cholesky factor of K."""
    system.cholesky.factor(numbers, conductances)
    return Refined(system, conductances, system.cholesky.solve)


def by_elimination(system: System, conductances: Vector, numbers: Vector) -> Refined:
    """Refinement with elimination without subtractions."""
    elimination = system.elimination
    elimination.factor(numbers[:, None], system.grounded.of(conductances, np.zeros(system.size))[:, None])

    def solve(right: Vector) -> Vector:
        return np.ascontiguousarray(elimination.solve(right.T[:, :, None].copy())[:, :, 0].T)

    return Refined(system, conductances, solve)


def summed(left: SparseMap, currents: Vector, injected: Vector) -> Vector:
    """(k, n): currents into the nodes, as if summed in twice the precision.

    The leading bits of all, cut off at one place, are summed without rounding, the trailing ones apart (Rump, Ogita and Oishi
    2008, ExtractVector).
    """
    largest = max(np.abs(currents).max(initial=0.0), np.abs(injected).max(initial=0.0))
    cut = 2.0 ** (np.frexp(largest)[1] + np.frexp(currents.shape[1] + 1)[1])
    leading, entering = (currents + cut) - cut, (injected + cut) - cut
    trailing = left.of_rows(currents - leading, injected - entering)
    return left.of_rows(leading, entering) + trailing


def grounding(a: Indices, b: Indices, size: int) -> SparseMap:
    """The map from conductances to their sums, at each of n free nodes, to sources and ground; edges from a to b, −1 fixed."""
    edges = np.flatnonzero((a >= 0) != (b >= 0))
    place = np.maximum(a, b)[edges], edges
    return SparseMap(csr_array((np.ones(len(edges)), place), shape=(size, len(a))))
