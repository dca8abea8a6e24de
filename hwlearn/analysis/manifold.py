"""Project conductances onto the solution manifold {g : o_s(g) = y_s}: Levenberg–Marquardt in log g on the exact Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.jacobian import Jacobian, jacobian, take
from hwlearn.analysis.parts import parts
from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import SimulationError
from hwlearn.learning.task import Task
from hwlearn.network import Network

REACHED = 1e-9
"""A solution: the rms error is below this part of the largest voltage."""


@dataclass(frozen=True, eq=False)
class Projection:
    """The nearest outputs that were found.

    Attributes:
        jacobian: at the conductances found.
        rms: root mean square error that is left [V].
        reached: whether `rms` is zero for all that rounding can tell.
        iterations: Jacobians taken.
    """

    jacobian: Jacobian
    rms: float
    reached: bool
    iterations: int

    @property
    def conductances(self) -> Array:
        """(E,) S."""
        return self.jacobian.conductances


def project(network: Network, task: Task, start: ArrayLike | None = None, iterations: int = 100) -> Projection:
    """Move from `start` (or the network's conductances) to a near point where the outputs are the targets.

    Minimises ½ ‖o − y‖² over log g of the trainable edges, within the bounds. A step solves
    `(K Kᵀ + μ) z = Uᵀe`, δ log g = −g ∘ Kᵀ z, in the space of the independent constraints (small), so that a solution is
    approached along the shortest way in log g.
    """
    task.check(network)
    with ExactCircuit(network) as circuit:
        if start is not None:
            circuit.program(start)
        return descend(circuit, task, iterations)


def descend(circuit: ExactCircuit, task: Task, iterations: int = 100, here: Jacobian | None = None) -> Projection:
    """`project`, from where the circuit is programmed; the circuit is left anywhere on the way.

    Args:
        here: the Jacobian there, if it is known already.
    """
    network, here = circuit.network, take(circuit, task) if here is None else here
    damping, size, taken = 1e-3, here.size, 1
    while taken < iterations and here.rms > REACHED * size * 1e-3:
        mixing, found = parts(here)
        inside, g = mixing.T @ (here.outputs - here.targets), here.conductances
        count = sum(part.count for part in found)
        scale = sum(part.trace(np.eye(len(part.outputs)), g[part.edges]) for part in found) / max(count, 1)
        if not scale:
            break
        step = np.zeros(len(g))
        for part in found:
            step[part.edges] = part.step(inside[:, part.outputs], g[part.edges], damping * scale)
        wanted = here.conductances * np.exp(np.clip(step, -2.0, 2.0))
        wanted = np.where(network.trainable, np.clip(wanted, network.lower, network.upper), here.conductances)
        circuit.program(wanted)
        taken += 1
        there = _answered(circuit, task)
        if there is None or there.rms >= here.rms:
            damping *= 10
            if damping > 1e8:
                break
            continue
        stalled = there.rms > (1 - 1e-6) * here.rms
        here, damping = there, max(damping * 0.1, 1e-14)
        if stalled:
            break
    return Projection(here, here.rms, here.rms <= REACHED * size, taken)


def _answered(circuit: ExactCircuit, task: Task) -> Jacobian | None:
    """The Jacobian; None where conductances have come too many decades apart for right voltages."""
    try:
        return take(circuit, task)
    except SimulationError:
        return None


def distance(network: Network, task: Task, conductances: ArrayLike) -> float:
    """Distance [S] from conductances to the solution manifold, to first order exact: ‖Jᵀ(JJᵀ)⁻¹ e‖ near it."""
    here = jacobian(network, task, conductances)
    mixing, found = parts(here)
    error = mixing.T @ (here.outputs - here.targets)
    steps = [np.linalg.lstsq(part.rows(), error[:, part.outputs].ravel(), rcond=None)[0] for part in found]
    return float(np.linalg.norm(np.concatenate(steps))) if steps else 0.0
