"""`predicted_floor`: the error floor that theory predicts for an imperfection, whatever it is."""

from __future__ import annotations

import numpy as np

from hwlearn.analysis.device_floors import device_floor, stuck_floor
from hwlearn.analysis.floors import bias_floor, drift_floor, gain_floor, noise_floor, offset_floor
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.trials import Trials
from hwlearn.circuits.imperfect import Drift, Effect, Noise, NudgeGain, Offset, Quantised, StuckEdges, UpdateBias
from hwlearn.learning.rule import Rule

STARTS = 30
"""Starts over which the floor of levels is averaged: a single run is at 0.2 … 3 times that."""


def predicted_floor(near: Linearised, effect: Effect, rule: Rule, trials: Trials) -> float | None:
    """Loss [V²] at which plain steps end on hardware with this imperfection; None where theory says nothing.

    Args:
        near: the rule at the solution.
        effect: the imperfection, as it was made. What it draws at random is drawn as in the trainings of `trials`.
        rule: that trains. trials: how.

    Raises:
        IllConditioned: rounding would decide.
    """
    learning_rate, network = trials.learning_rate, trials.network
    with trials.circuit([effect]) as circuit:
        (drawn,) = circuit.effects
    if isinstance(drawn, Noise):
        return noise_floor(near, learning_rate, drawn.noise, drawn.amperes).loss
    if isinstance(drawn, Offset):
        return offset_floor(near, drawn.offsets).loss
    if isinstance(drawn, Drift):
        return drift_floor(near, learning_rate, drawn.volts, drawn.period, drawn.phases).loss
    if isinstance(drawn, NudgeGain):
        return gain_floor(near, drawn.gains - 1).loss
    if isinstance(drawn, UpdateBias):
        return bias_floor(near, learning_rate, drawn.bias).loss
    if isinstance(drawn, Quantised):
        away = drawn.step * np.random.default_rng(trials.seed).uniform(-3, 3, (STARTS, len(network.edges)))
        away[:, ~network.trainable] = 0.0
        starts = near.jacobian.conductances + away
        return device_floor(near, learning_rate, lambda wanted: drawn.real(wanted, wanted), starts, trials.steps).loss
    if isinstance(drawn, StuckEdges):
        return stuck_floor(network, trials.task, rule, drawn.edges, drawn.kept).loss
    return None
