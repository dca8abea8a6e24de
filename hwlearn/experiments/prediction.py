"""`predicted_decay`: how fast the loss of an experiment falls near a solution, from coercivity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.coercivity import ACTIVE, RULES, coercivity
from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian, jacobian
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.training import TrainTable
from hwlearn.learning.losses import ClassMeans, SquaredError
from hwlearn.learning.optimizers import OPTIMIZERS, Momentum
from hwlearn.learning.rates.modes import Modes
from hwlearn.learning.rates.own_rate import MOST
from hwlearn.learning.remedies import Remedy
from hwlearn.learning.table import TableRule

LIKE = {"clamp": "cl", "dual-cl": "cl"}
"""Rules that near a solution learn as another one: ġ = −Jᵀ R⁻¹ e + O(e²)."""


def predicted_decay(experiment: Experiment, conductances: ArrayLike | None = None) -> float:
    """Decay of the loss, −d ln(loss) per step, or per unit of time of a flow; negative if the learning rate is too large.

    A mode of rate λ shrinks by exp(−λ) per unit of time, and per step by |1 − αλ|; with momentum μ by the larger root of
    z² − (1 + μ − αλ) z + μ = 0. The loss goes like the square of the slowest of the modes that the error holds, or of the
    fastest mode of all, which grows from rounding where the learning rate is too large. Edges at a bound count as fixed.
    The squared error and that of class means fall so; other losses do not.

    Args:
        experiment: of a linear network.
        conductances: (E,) S, where the modes are taken, best near a solution; the network's own if not given.

    Raises:
        HwlearnError: nothing is predicted; says why.
    """
    settings, network = experiment.settings, experiment.network
    table = settings.train
    if table is not None and (table.optimizer == "adam" or table.batch_size is not None):
        raise HwlearnError(f"no rate is predicted for {'adam' if table.optimizer == 'adam' else 'minibatches'}")
    if table is not None and isinstance(table.learning_rate, dict):
        raise HwlearnError("no rate is predicted for a learning rate that differs by edge; give one number")
    if table is not None and table.decay is not None and table.decay < 1:
        raise HwlearnError("no rate is predicted for a learning rate that decays")
    g = network.conductances if conductances is None else np.asarray(conductances, dtype=np.float64)
    free = network.trainable & (g > network.lower) & (g < network.upper)
    found = jacobian(replace(network.with_conductances(g), trainable=free), experiment.task)
    if table is not None and table.parameter == "log-conductance":
        found = replace(found, adjoint_drops=g[:, None] * found.adjoint_drops)  # δ log g = α g ġ: J diag(g²) Jᵀ
    rule = LIKE.get(settings.rule.name, settings.rule.name)
    if rule not in RULES:
        raise HwlearnError(f"no rate is predicted for the rule {settings.rule.name}")
    if settings.loss is not None and settings.loss.power:
        raise HwlearnError("no rate is predicted with a term for power: error and power rest where they balance")
    acting = experiment.rule
    while isinstance(acting, Remedy):
        acting = acting.rule
    if isinstance(acting, TableRule) and (acting.by == "resistor" or not isinstance(acting.loss, SquaredError)):
        moving, active = _modes(found, acting)
    else:
        spectra = coercivity(found).spectra
        if rule not in spectra:
            raise HwlearnError("no rate is predicted for outputs that depend on each other")
        moving, active = spectra[rule].eigenvalues[spectra[rule].eigenvalues > 0], spectra[rule].active
    held = active if len(active) else moving
    if not len(held):
        raise HwlearnError("no rate is predicted: no change of a conductance moves the outputs from here")
    if table is None:
        return 2.0 * float(held.min())
    rate = table.learning_rate if isinstance(table.learning_rate, float) else own_rate(moving, table)
    slowest, fastest = float(_factors(held, rate, table).max()), float(_factors(moving[:1], rate, table)[0])
    if fastest > 1:
        slowest = max(slowest, fastest)
    return -2.0 * math.log(slowest) if slowest > 0 else math.inf


def own_rate(moving: Array, table: TrainTable) -> float:
    """learning_rate = "auto" where the modes that move have rates `moving` (k,), falling, in a circuit without noise."""
    found = Modes(float(moving[0]), float(moving[-1]))
    return found.fraction(MOST) * 2 / (found.fastest * OPTIMIZERS[table.optimizer](1.0).inertia)


def _modes(at: Jacobian, rule: TableRule) -> tuple[Array, Array]:
    """Rates that are not zero, falling, and those of the modes that the signal s holds: ṡ = −H J Jᵀ W s/S.

    Raises:
        HwlearnError: the curvature H of the loss is not the same everywhere, so that it does not fall exponentially.
    """
    loss = rule.loss
    if not isinstance(loss, SquaredError | ClassMeans):
        raise HwlearnError(f"no rate is predicted for the loss {loss.name}, which does not fall exponentially")
    rows, shape = at.matrix(), at.outputs.shape
    weighted = np.einsum("ab,sbe->sae", rule.weight(at.resistance, rule.amplitude(at.network)), rows.reshape(*shape, -1))
    bent = np.array([loss.curvature(at.outputs, at.targets, column.reshape(shape)).ravel() for column in rows.T]).T
    rates, vectors = np.linalg.eig(bent @ weighted.reshape(rows.shape).T / len(at.outputs))
    signal = loss.judge(at.outputs, at.targets)[0].ravel()
    parts = np.abs(np.linalg.lstsq(vectors, signal.astype(complex), rcond=None)[0])
    moving = rates.real > RANK_TOLERANCE * np.abs(rates).max(initial=0.0)
    active = moving & (parts > ACTIVE * np.linalg.norm(signal))
    return np.sort(rates.real[moving])[::-1], np.sort(rates.real[active])[::-1]


def _factors(modes: Array, rate: float, table: TrainTable) -> Array:
    """By what modes of rates λ shrink per step."""
    if table.optimizer == "plain":
        return np.abs(1 - rate * modes)
    mu = Momentum(rate).decay
    half = (1 + mu - rate * modes) / 2
    return np.abs(np.abs(half) + np.sqrt((half**2 - mu).astype(complex)))
