"""`nearest`: the least error that bounds and circuit leave, where targets cannot be met exactly."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from hwlearn.analysis.jacobian import Jacobian, take
from hwlearn.analysis.manifold import REACHED, Projection
from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.task import Task
from hwlearn.network import Network

LARGEST = 1_000_000
"""Entries of the Jacobian of independent constraints up to which it is looked for: each step decomposes that matrix."""

STEPS = 60
"""Jacobians taken from each start."""


def nearest(network: Network, task: Task, found: Projection) -> Projection:
    """From the outputs that were found on, to a minimum of ‖o − y‖² within the bounds; `found` itself if the task is large.

    By scipy's trust region with bounds, over log g of the trained edges, with the exact Jacobian. `project` steps along the
    shortest way to a solution and lets bounds cut its steps, so it may halt at a bound where no solution is.
    """
    free = np.flatnonzero(network.trainable & (network.lower < network.upper))
    largest = min(found.jacobian.weights.shape) * found.jacobian.adjoint_drops.size
    if not len(free) or largest > LARGEST:
        return found
    low, high = np.log(network.lower[free]), np.log(network.upper[free])
    known: dict[bytes, Jacobian] = {}
    with ExactCircuit(network) as circuit:

        def at(logs: Array) -> Jacobian:
            key = logs.tobytes()
            if key not in known:
                g = found.conductances.copy()
                g[free] = np.clip(np.exp(logs), network.lower[free], network.upper[free])
                circuit.program(g)
                known.clear()
                known[key] = take(circuit, task)
            return known[key]

        def error(logs: Array) -> Array:
            here = at(logs)
            return (here.independent()[0].T @ (here.outputs - here.targets)).ravel()

        def slope(logs: Array) -> Array:
            here = at(logs)
            return here.independent()[1][:, free] * here.conductances[free]

        inside = np.clip(np.log(found.conductances[free]), low, high)
        solved = least_squares(error, inside, slope, bounds=(low, high), max_nfev=STEPS, xtol=1e-12, ftol=1e-10, gtol=1e-14)
        there = at(solved.x)
    if there.rms >= found.rms:
        return found
    return Projection(there, there.rms, there.rms <= REACHED * there.size, found.iterations + int(solved.nfev))
