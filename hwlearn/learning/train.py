"""`train`: learning in discrete time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwlearn.circuits.base import Array, Circuit, Drive, is_finite
from hwlearn.errors import HwlearnError, HwlearnWarning
from hwlearn.learning.optimizers import OPTIMIZERS
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task

StopReason = Literal["steps", "loss", "callback", "not finite"]


@dataclass(frozen=True, eq=False)
class TrainState:
    """What a callback sees before each step, and once after the last.

    Attributes:
        step: number of updates done so far.
        loss: the loss that the rule observes now (of the minibatch, if there are any) [`Rule.loss_unit`].
        conductances: (E,) S, what the circuit has now. Read-only.
        clipped: how many edges the last update left at a bound.
    """

    step: int
    loss: float
    conductances: Array
    clipped: int


Callback = Callable[[TrainState], object]


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What a training ended with.

    Attributes:
        conductances: (E,) S, as the circuit realised them; the circuit is left with these.
        losses: (steps + 1,): the loss that the rule observed before each update, and after the last [`Rule.loss_unit`].
        steps: number of updates.
        stopped_because: "steps" (all done), "loss" (at or below `stop_loss`), "callback", or "not finite" (the loss or the
            direction turned NaN or infinite; the conductances are the last good ones).
    """

    conductances: Array
    losses: Array
    steps: int
    stopped_because: StopReason


def train(
    circuit: Circuit,
    task: Task,
    rule: Rule,
    *,
    steps: int = 1000,
    learning_rate: float,
    optimizer: str = "plain",
    parameter: Literal["conductance", "log-conductance"] = "conductance",
    batch_size: int | None = None,
    seed: int = 0,
    stop_loss: float | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainResult:
    """Train a circuit: g ← clip(g + step(ġ)) at the trainable edges, `steps` times.

    g is kept here in full precision. Devices of few codes realise it as well as they can, and steps smaller than a code add
    up until they make one.

    Args:
        circuit: is driven, measured and programmed.
        task: samples; the direction is averaged over them (or over a minibatch).
        rule: how to get a direction.
        steps: number of updates.
        learning_rate: α. With plain steps a mode of rate λ shrinks by (1 − αλ) a step: stable for α < 2/λ_max.
        optimizer: "plain", "momentum" or "adam".
        parameter: what the step is added to: g [S], or log g, whose direction is g ġ.
        batch_size: samples per step, drawn without replacement, reshuffled each epoch; all samples if not given.
        seed: of the shuffling.
        stop_loss: stop when the observed loss is at or below it, in a second free phase as well: one reading of a noisy
            circuit may be luck [`Rule.loss_unit`].
        callbacks: each is called with a `TrainState` before every update and after the last; one that returns True stops.

    Raises:
        TaskError: the task does not fit the circuit.
        HwlearnError: a parameter that makes no sense.
        SimulationError: a phase could not be measured; the circuit keeps its last conductances.

    Warns:
        HwlearnWarning: an update put every trainable edge at a bound, or the loss is no longer finite.
    """
    network = circuit.network
    task.check(network)
    if steps < 0:
        raise HwlearnError(f"steps is {steps}; it must be 0 or more")
    if optimizer not in OPTIMIZERS:
        raise HwlearnError(f"optimizer {optimizer!r}: choose one of {', '.join(OPTIMIZERS)}")
    if parameter not in ("conductance", "log-conductance"):
        raise HwlearnError(f"parameter {parameter!r}: choose conductance or log-conductance")
    if batch_size is not None and not 1 <= batch_size <= len(task):
        raise HwlearnError(f"batch_size is {batch_size}; it must be between 1 and the {len(task)} samples of the task")
    optimize = OPTIMIZERS[optimizer](learning_rate).step
    draw = _Batches(task, batch_size, seed)
    trainable, number = network.trainable, int(network.trainable.sum())
    lowest, highest = circuit.bounds
    lower, upper = np.where(trainable, lowest, -np.inf), np.where(trainable, highest, np.inf)
    logarithmic = parameter == "log-conductance"

    losses: list[float] = []
    clipped, warned, reason = 0, False, "steps"
    good = wanted = circuit.conductances
    for step in range(steps + 1):
        batch = draw.next()
        reading = rule.read(circuit, batch)
        if not (math.isfinite(reading.loss) and is_finite(reading.direction)):
            warnings.warn(f"step {step}: the loss is {reading.loss}; stopped at the last good conductances", HwlearnWarning, 2)
            circuit.program(good)
            reason = "not finite"
            break
        losses.append(reading.loss)
        good = circuit.conductances
        if callbacks:
            state = TrainState(step, reading.loss, good, clipped)
            if any([callback(state) is True for callback in callbacks]):
                reason = "callback"
                break
        if stop_loss is not None and reading.loss <= stop_loss and _again(circuit, batch, rule) <= stop_loss:
            reason = "loss"
            break
        if step == steps:
            break
        if logarithmic:
            with np.errstate(over="ignore"):
                new = wanted * np.exp(optimize(wanted * reading.direction))
        else:
            new = wanted + optimize(reading.direction)
        wanted = np.minimum(np.maximum(new, lower), upper)
        clipped = int(np.count_nonzero(new != wanted))
        if clipped == number > 0 and not warned:
            warned = True
            warnings.warn(
                f"step {step + 1} put every trainable edge at a bound: the learning rate {learning_rate:g} is too large",
                HwlearnWarning,
                stacklevel=2,
            )
        circuit.program(wanted)
    return TrainResult(circuit.conductances, np.array(losses), max(len(losses) - 1, 0), reason)  # type: ignore[arg-type]


def task_loss(circuit: Circuit, task: Task) -> tuple[float, Array]:
    """½ ‖o − y‖² [V²], mean over the samples, and the outputs o (S, n_out) V, with the ports open: alike for all rules."""
    task.check(circuit.network)
    outputs = circuit.measure(Drive(task.inputs)).output_voltages
    return 0.5 * float(((outputs - task.targets) ** 2).sum()) / len(task), outputs


def _again(circuit: Circuit, task: Task, rule: Rule) -> float:
    """The loss that the rule observes, in a free phase of its own [`Rule.loss_unit`]."""
    return rule.loss(circuit.measure(Drive(task.inputs, rule.free(task.targets))), task.targets)


class _Batches:
    """The samples of each step."""

    def __init__(self, task: Task, size: int | None, seed: int) -> None:
        self._task, self._size = task, size
        self._random = np.random.default_rng(seed)
        self._order = np.empty(0, dtype=np.intp)

    def next(self) -> Task:
        if self._size is None:
            return self._task
        if len(self._order) < self._size:
            self._order = self._random.permutation(len(self._task))
        chosen, self._order = self._order[: self._size], self._order[self._size :]
        return self._task.batch(chosen)
