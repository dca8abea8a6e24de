"""`identify`: the conductances that explain what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Hold
from hwlearn.errors import HwlearnError
from hwlearn.inference.nodes import Answers, NodeCircuit
from hwlearn.network import Network

PRIOR = 1.0
"""Standard deviation of ln g about where the fit starts. It decides only what the measurement hardly sees, such as differences
of edges that a symmetry makes alike: there a fit without it creeps along a curved valley."""
ENOUGH = 1e-6
"""A step that lowers chi² by less than this part of it is the last: far below what noise does."""
BLIND = 1e-6
"""Singular values of the sensitivity (per relative change) below this part of the largest: a direction that is not seen."""


@dataclass(frozen=True, eq=False)
class Identified:
    """Conductances fitted to node voltages.

    Attributes:
        network: whose edges these are.
        nominal: (E,) S that were expected.
        conductances: (E,) S, the fit; along unseen directions it stays where it started.
        relative_error: (E,) standard error of ln g, of the seen part; infinite for an edge that is hardly seen.
        unseen: (E, k) orthonormal directions in ln g that the measurement cannot see.
        scale_is_seen: whether the overall scale is fixed (it is by an injected current, never by voltages alone).
        chi_square: sum of squared residuals over the variance, per degree of freedom; about 1 if the model is right.
        residuals: (S, N) V, measured minus fitted.
    """

    network: Network
    nominal: Array
    conductances: Array
    relative_error: Array
    unseen: Array
    scale_is_seen: bool
    chi_square: float
    residuals: Array

    @property
    def deviation(self) -> Array:
        """(E,) ln(fitted / nominal), with what no measurement sees, such as the overall scale, projected out."""
        return np.log(self.conductances / self.nominal)

    @property
    def seen(self) -> Array:
        """(E,) how much of each edge's own direction is seen, from 0 to 1."""
        return 1 - (self.unseen**2).sum(1)


def identify(
    network: Network,
    nominal: Array,
    drive: Drive,
    voltages: Array,
    noise: float,
    start: Array | None = None,
    spread: float = PRIOR,
    model: NodeCircuit | None = None,
) -> Identified:
    """Fit ln g to measured node voltages: least squares on the exact Jacobian, with covariance.

    Args:
        network: linear.
        nominal: (E,) S that are expected.
        drive: open or injected; the inputs are the values that were driven.
        voltages: (S, N) V that were measured.
        noise: standard deviation of a node voltage [V], for the covariance.
        start: (E,) S, where the fit starts, and stays along unseen directions; the nominal values if not given.
        spread: standard deviation of ln g about `start` that is believed before.
        model: of the network, for callers who identify it again and again.

    Raises:
        HwlearnError: outputs were held, or the noise is not positive.
        ModelError: the network is not linear.
    """
    if isinstance(drive.outputs, Hold):
        raise HwlearnError("identify needs open or injected outputs; held outputs say less about the conductances")
    if not (np.isfinite(noise) and noise > 0):
        raise HwlearnError(f"noise is {noise} V; give the standard deviation of a node voltage")
    start = nominal if start is None else start
    prior = np.eye(len(nominal)) / spread
    circuit = model or NodeCircuit(network)
    probes = circuit.free
    latest: tuple[Array, Answers] | None = None

    def answer(logs: Array) -> Answers:
        nonlocal latest
        if latest is None or not np.array_equal(latest[0], logs):
            latest = (logs.copy(), circuit.ask(np.exp(logs) * start, drive))
        return latest[1]

    def residual(logs: Array) -> Array:
        misfit = (answer(logs).nodes - voltages)[:, probes] / noise
        return np.concatenate((misfit.ravel(), logs / spread))

    def sensitivity(logs: Array) -> Array:
        """(rows, E) of the residual."""
        found = answer(logs)
        change = found.sensitivity(np.exp(logs) * start, found.drops)[:, probes] / noise
        return np.vstack((change.reshape(-1, len(logs)), prior))

    fit = least_squares(residual, np.zeros(len(nominal)), sensitivity, method="trf", x_scale=1.0, xtol=1e-10, ftol=ENOUGH)
    seen = fit.jac[: -len(nominal)]
    sizes, right = np.linalg.svd(seen, full_matrices=seen.shape[0] < seen.shape[1])[1:]
    fitted = fit.x
    full = np.zeros(len(nominal))
    full[: len(sizes)] = sizes
    blind = full <= BLIND * full.max(initial=0.0)
    unseen = right[blind].T
    fitted = fitted - unseen @ (unseen.T @ fitted)
    variance = ((right[~blind] / full[~blind, None]) ** 2).sum(0)
    own = 1 - (unseen**2).sum(1)
    misfits = fit.fun[: -len(nominal)]
    freedom = max(misfits.size - int((~blind).sum()), 1)
    even = np.full(len(nominal), len(nominal) ** -0.5)
    return Identified(
        network,
        nominal,
        np.exp(fitted) * start,
        np.where(own > 0.5, np.sqrt(variance), np.inf),
        unseen,
        bool(np.linalg.norm(unseen.T @ even) < 0.5) if unseen.size else True,
        float(misfits @ misfits) / freedom,
        voltages - answer(fit.x).nodes,
    )
