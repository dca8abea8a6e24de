"""Error floors of devices that are not what they are told to be: levels, tolerance, stuck and dead edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.floors import Floor, constant_floor, fluctuating_floor, positive
from hwlearn.analysis.jacobian import RANK_TOLERANCE
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.arrays import Array
from hwlearn.learning.projected import pressed
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network


def device_floor(
    near: Linearised, learning_rate: float, realised: Callable[[Array], Array], start: ArrayLike, steps: int
) -> Floor:
    """Floor of devices that make `realised(w)` of wanted w, such as levels: w ← w − (α/S) JᵀW e, e = J (realised(w) − g).

    No level is right, so feedback never rests: edges at the border of two levels hop, as many as J has rank, and the mean of e
    is zero. How they hop depends on where they start; here it is iterated, to first order, without a circuit. With one output,
    small α and starts all over, the mean is (q²/12) ΣJ⁴/ΣJ² for levels q apart: it is edge e that hops with probability
    J_e²/ΣJ², and then ½ e² is (J_e q)²/12. Larger steps pass more than one level at a time, and raise it.

    Args:
        realised: keeps the shape of what it is given.
        start: w (E,) [S], or (K, E) for the mean over K of them.
        steps: the mean is taken over the second half.
    """
    rate, wanted = positive(learning_rate) / near.samples, np.atleast_2d(np.array(start, dtype=np.float64))
    goal, reached = near.jacobian.conductances, (near.range.T @ near.matrix).T
    pull = (near.matrix.T @ near.weighted(near.range)).T
    covariance = np.zeros((len(pull), len(pull)))
    for step in range(steps):
        inside = (realised(wanted) - goal) @ reached
        if step >= steps // 2:
            covariance += inside.T @ inside
        wanted -= rate * (inside @ pull)
    return fluctuating_floor(near, covariance / (len(wanted) * (steps - steps // 2)))


def stuck_floor(network: Network, task: Task, rule: Rule, edges: ArrayLike, conductances: ArrayLike) -> Floor:
    """Floor of edges, indices (k,), that keep `conductances` (k,) [S] whatever they are told; those with 0 are not there.

    The others bring e to where JᵀW e = 0, J without the columns of edges that are stuck or at a bound: zero as long as J has
    the rank of what is wanted, else what least squares leaves (CL, AL: to first order in it). Coercivity is lost with the
    columns, wholly or in part: `Floor.rates` are those that are left.
    """
    lost = np.asarray(edges, dtype=np.intp)
    kept = np.broadcast_to(np.asarray(conductances, dtype=np.float64), lost.shape)
    free, held = network.trainable.copy(), network.conductances.copy()
    free[lost], held[lost] = False, np.where(kept > 0, kept, held[lost])
    dead = [network.edge_names[k] for k in lost[kept == 0].tolist()]
    network = replace(network, conductances=held, trainable=free).without(dead)
    near = Linearised.of(project(network, task).jacobian, rule)
    off = (near.jacobian.outputs - near.jacobian.targets).ravel()
    g, push = near.jacobian.conductances, -near.matrix.T @ near.weighted(off[:, None])[:, 0]
    blocked = pressed(push, g, (network.lower, network.upper))
    left, sizes, _ = np.linalg.svd(np.where(blocked, 0.0, near.matrix), full_matrices=False)
    basis = left[:, sizes > RANK_TOLERANCE * sizes.max(initial=0.0)]
    weighted = near.weighted(basis)
    error = off - basis @ np.linalg.solve(basis.T @ weighted, weighted.T @ off)
    at_rest = constant_floor(near, near.range.T @ error)
    return replace(at_rest, loss=0.5 * float(error @ error) / near.samples, error=error.reshape(at_rest.error.shape))


def tolerance_rates(near: Linearised, deviations: ArrayLike) -> Array:
    """(r,) rates of edges that conduct (1 + ε_e) of what they are told, ε (E,), slowest first.

    There is no floor: an edge that overdoes its steps is told less. But J diag(1 + ε) JᵀW/S replaces JJᵀW/S: modes are faster
    or slower, by no more than the largest |ε|.
    """
    told = near.matrix * (1 + np.asarray(deviations, dtype=np.float64))
    rates = near.range.T @ told @ near.matrix.T @ near.weighted(near.range) / near.samples
    return np.sort(np.linalg.eigvals(rates).real)


def transfer_floor(near: Linearised, off: ArrayLike) -> Floor:
    """Loss where devices are `off` (E,) [S] from the solution and nothing is learned: what tolerance and levels do to
    conductances that were found elsewhere. e = J off, to first order."""
    return constant_floor(near, near.range.T @ near.matrix @ np.asarray(off, dtype=np.float64))
