"""Error floors of devices that are not what they are told to be: levels, tolerance, stuck and dead edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.floors import Floor, constant_floor, fluctuating_floor, positive
from hwlearn.analysis.jacobian import RANK_TOLERANCE
from hwlearn.analysis.linearised import Linearised
from hwlearn.circuits.base import Array
from hwlearn.errors import HwlearnError


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


def stuck_floor(near: Linearised, edges: ArrayLike, off: ArrayLike) -> Floor:
    """Floor of edges (k,) stuck `off` (k,) [S] from the solution; a dead one by −g.

    The others learn JₒᵀW(e) = 0, Jₒ without the columns of the stuck ones: e is what they cannot take back of J off, and zero
    if Jₒ has the rank of J. Then nothing but coercivity is lost, some of it. First order in `off`.
    """
    lost = np.asarray(edges, dtype=np.intp)
    shift = np.asarray(off, dtype=np.float64)
    if shift.shape != lost.shape:
        raise HwlearnError(f"off: shape {shift.shape}, need {lost.shape}, one for each stuck edge")
    push = near.matrix[:, lost] @ shift
    left = near.matrix.copy()
    left[:, lost] = 0.0
    basis, sizes, _ = np.linalg.svd(left, full_matrices=False)
    basis = basis[:, sizes > RANK_TOLERANCE * np.linalg.norm(near.matrix, 2)]
    weighted = near.weighted(basis)
    error = push - basis @ np.linalg.solve(basis.T @ weighted, weighted.T @ push)
    return constant_floor(near, near.range.T @ error)


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
