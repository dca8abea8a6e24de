"""Sard's theorem as an experiment: targets without coercivity have measure zero, so random ones never hit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.coercivity import coercivity
from hwlearn.analysis.jacobian import take
from hwlearn.analysis.manifold import descend
from hwlearn.arrays import Array, seed_of
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True, eq=False)
class Genericity:
    """Coercivity constants of random targets.

    Attributes:
        constants: (count,) σ_min(J)² [V²/S²] where the solution manifold was met; 0 where coercivity fails.
        missed: targets for which no solution was found; not among the constants.
    """

    constants: Array
    missed: int

    @property
    def degenerate(self) -> int:
        """How many of the constants are zero."""
        return int((self.constants == 0).sum())


def genericity(
    network: Network,
    inputs: ArrayLike,
    count: int = 100,
    *,
    targets: Literal["outputs", "directions"] = "outputs",
    distance: float = 0.02,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Genericity:
    """Sample targets, project onto their solution manifolds, and take the coercivity constant there.

    Args:
        network: where projections start.
        inputs: (S, n_in).
        count: number of targets.
        targets: "outputs" of random conductances (within a decade of the network's, inside the bounds), or random
            "directions" around the outputs of the network.
        distance: length of these directions [V].
        seed: of the random numbers.
        progress: called with (done, count).
    """
    random = np.random.default_rng(seed_of(seed))
    base = np.asarray(inputs, dtype=np.float64)
    blank = Task(base, np.zeros((len(np.atleast_2d(base)), len(network.outputs))))
    circuit = ExactCircuit(network)
    centre = take(circuit, blank).outputs
    constants: list[float] = []
    for k in range(count):
        if targets == "outputs":
            spread = np.clip(
                network.conductances * 10 ** random.uniform(-1, 1, len(network.edges)), network.lower, network.upper
            )
            circuit.program(np.where(network.trainable, spread, network.conductances))
            wanted = take(circuit, blank).outputs
        else:
            direction = random.normal(size=centre.shape)
            wanted = centre + distance * direction / np.linalg.norm(direction)
        circuit.program(network.conductances)
        found = descend(circuit, Task(base, wanted))
        if found.reached:
            constants.append(coercivity(found.jacobian).constant)
        if progress is not None:
            progress(k + 1, count)
    return Genericity(np.array(constants), count - len(constants))
