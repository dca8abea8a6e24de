"""`predicted_decay`: how fast the loss of an experiment falls near a solution, from coercivity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.coercivity import RULES, coercivity
from hwlearn.analysis.jacobian import jacobian
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.training import TrainTable
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.optimizers import Momentum

LIKE = {"clamp": "cl", "dual-cl": "cl"}
"""Rules that near a solution learn as another one: ġ = −Jᵀ R⁻¹ e + O(e²)."""


def predicted_decay(experiment: Experiment, conductances: ArrayLike | None = None) -> float:
    """Decay of the loss, −d ln(loss) per step, or per unit of time of a flow; negative if the learning rate is too large.

    A mode of rate λ shrinks by exp(−λ) per unit of time, and per step by |1 − αλ|; with momentum μ by the larger root of
    z² − (1 + μ − αλ) z + μ = 0. The loss goes like the square of the slowest of the modes that the error holds, or of the
    fastest mode of all, which grows from rounding where the learning rate is too large. Edges at a bound count as fixed.

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
    if table is not None and not isinstance(table.learning_rate, float):
        raise HwlearnError("no rate is predicted for a learning rate that differs by edge or changes; give one number")
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
    if settings.loss is not None and settings.loss.name != SquaredError.name:
        raise HwlearnError(f"no rate is predicted for the loss {settings.loss.name}")
    if settings.loss is not None and settings.loss.power:
        raise HwlearnError("no rate is predicted with a term for power: error and power rest where they balance")
    spectra = coercivity(found).spectra
    if rule not in spectra:
        raise HwlearnError("no rate is predicted for outputs that depend on each other")
    spectrum = spectra[rule]
    moving = spectrum.eigenvalues[spectrum.eigenvalues > 0]
    held = spectrum.active if len(spectrum.active) else moving
    if not len(held):
        raise HwlearnError("no rate is predicted: no change of a conductance moves the outputs from here")
    if table is None:
        return 2.0 * float(held.min())
    slowest, fastest = float(_factors(held, table).max()), float(_factors(moving[:1], table)[0])
    if fastest > 1:
        slowest = max(slowest, fastest)
    return -2.0 * math.log(slowest) if slowest > 0 else math.inf


def _factors(modes: Array, table: TrainTable) -> Array:
    """By what modes of rates λ shrink per step."""
    assert isinstance(table.learning_rate, float)
    if table.optimizer == "plain":
        return np.abs(1 - table.learning_rate * modes)
    mu = Momentum(table.learning_rate).decay
    half = (1 + mu - table.learning_rate * modes) / 2
    return np.abs(np.abs(half) + np.sqrt((half**2 - mu).astype(complex)))
