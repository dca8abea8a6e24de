"""`forecast`: before a training, the learning rate that will be taken, the steps it will need, and what stands in the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hwlearn.analysis.feasibility import feasibility
from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError
from hwlearn.experiments.experiment import Experiment
from hwlearn.experiments.prediction import predicted_decay
from hwlearn.experiments.training import TrainTable
from hwlearn.learning.classification import Classification
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.optimizers import OPTIMIZERS
from hwlearn.learning.parameters import setting_slopes
from hwlearn.learning.rates.own_rate import OwnRate
from hwlearn.learning.rates.relative_rate import PART

LARGEST = 1e6
"""Samples × outputs × edges up to which something is predicted: that takes less than a second."""

GOAL = 1e-4
"""The loss for which steps are predicted where no stop_loss is given, as a part of the first one."""

FAR = 2.0
"""More steps than this times those that are asked for are told."""


@dataclass(frozen=True)
class Forecast:
    """The predicted course of a training, before it begins.

    Attributes:
        rate: the learning rate, in words; empty where the file gives one.
        steps: predicted to `goal`; NaN where nothing is predicted.
        goal: a loss [`unit`].
        warnings: what stands in the way and what to do, a line each.
    """

    rate: str
    steps: float
    goal: float
    unit: str
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        ahead = (
            f"about {self.steps:,.0f} {'step is' if self.steps == 1 else 'steps are'} predicted to {self.goal:.3g} {self.unit}"
            if self.steps > 0
            else ""
        )
        return "; ".join(part for part in (self.rate, ahead) if part)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; None where there is no number."""
        known = math.isfinite(self.steps)
        return {
            "learning_rate": self.rate or None,
            "predicted_steps": self.steps if known else None,
            "to_loss": self.goal if known else None,
            "loss_unit": self.unit,
        }


def forecast(experiment: Experiment) -> Forecast:
    """By the exact model without imperfections: rates from coercivity near a solution, as `predicted_decay` has them."""
    table, rule = experiment.settings.train, experiment.rule
    if table is None:
        return Forecast("", math.nan, math.nan, rule.loss_unit, ())
    rate, first = _rate(experiment, table)
    goal = GOAL * first if table.stop_loss is None else table.stop_loss
    steps, warnings = math.nan, list[str]()
    network, task = experiment.network, experiment.task
    small = len(task) * len(network.outputs) * len(network.edges) <= LARGEST
    if network.linear and small and isinstance(rule.loss, SquaredError):
        found = feasibility(network, task)
        warnings += _unreachable(experiment, table, found.reasons, found.nearest.rms)
        if found.reachable:
            steps = _steps(experiment, found.nearest.conductances, first, goal)
            warnings += _far(experiment, table, steps, goal)
    return Forecast(rate, steps, goal, rule.loss_unit, tuple(warnings))


def _rate(experiment: Experiment, table: TrainTable) -> tuple[str, float]:
    """The learning rate in words, empty where it is given; and the first loss that the rule sees, NaN where no model tells."""
    rule, task = experiment.rule, experiment.task
    try:
        with _model(experiment) as model:
            whole, g = rule.sufficient(model, task), model.conductances
            reading = rule.read(model, whole)
            if table.learning_rate != "auto":
                return "", reading.loss
            if table.optimizer == "adam":
                return f"learning rate auto: adam steps by {PART:g} of what it steps", reading.loss
            inertia = OPTIMIZERS[table.optimizer](1.0).inertia
            own = OwnRate(1.0, model, whole, rule, table.batch_size, inertia)
            slopes = g if table.parameter == "log-conductance" else None
            if table.parameter not in ("conductance", "log-conductance"):
                slopes = setting_slopes(model.network, table.parameter, g)
            own.look(0, reading, g, slopes)
            return f"learning rate auto: {own.rate:.3g} at the start, by {own.model}, taken anew as it goes", reading.loss
    except HwlearnError:  # training says what is wrong, or has another model
        return "learning rate auto" if table.learning_rate == "auto" else "", math.nan


def _model(experiment: Experiment) -> Circuit:
    """The exact model without imperfections; its memristors heed what they are told as those of the file do."""
    still, memristors = experiment.circuit("exact", imperfect=False), experiment.settings.memristors
    return still if memristors is None else memristors.around(still)


def _steps(experiment: Experiment, solution: Array, first: float, goal: float) -> float:
    """Steps from one loss to the other at the decay that coercivity predicts; infinity above the limit; NaN if none is."""
    try:
        decay = predicted_decay(experiment, solution)
    except HwlearnError:
        return math.nan
    if not first > goal:
        return 0.0
    return max(1, math.ceil(math.log(first / goal) / decay)) if decay > 0 else math.inf


def _unreachable(experiment: Experiment, table: TrainTable, reasons: tuple[str, ...], rms: float) -> Iterator[str]:
    """That the targets are out of reach, if that keeps the training from its end."""
    outputs, volts = len(experiment.network.outputs), experiment.rule.loss_unit == SquaredError.unit
    least = 0.5 * outputs * rms**2
    wanted = table.stop_loss if volts else None
    if (
        not reasons
        or (wanted is not None and least < wanted)
        or (wanted is None and isinstance(experiment.task, Classification))
    ):
        return
    yield f"the targets are out of reach: {reasons[0]} (the least loss found is {least:.3g} V²; see `hwlearn analyze`)"


def _far(experiment: Experiment, table: TrainTable, steps: float, goal: float) -> Iterator[str]:
    """That the steps asked for are far too few, or the rate too large."""
    asked, unit = table.updates(len(experiment.task)), experiment.rule.loss_unit
    if math.isinf(steps):
        yield f"learning_rate = {table.learning_rate:g} is above the limit near the solution: leave it out, or give less"
    elif steps > FAR * asked > 0:
        instead = "" if table.learning_rate == "auto" else "leave train.learning_rate out, "
        yield (
            f"about {steps:,.0f} steps are predicted to {goal:.3g} {unit}, and {asked:,} are asked for: {instead}"
            "raise train.steps, or take another rule (`hwlearn analyze` compares them)"
        )
