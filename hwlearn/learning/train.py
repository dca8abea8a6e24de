"""`train`: learning in discrete time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.linalg import is_finite
from hwlearn.circuits.linear import LinearCircuit
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.errors import HwlearnError, HwlearnWarning
from hwlearn.learning.arguments import check_circuit, check_count, check_rule, check_task
from hwlearn.learning.batches import Batches
from hwlearn.learning.keeping import Keep, Keeper
from hwlearn.learning.optimizers import OPTIMIZERS, Adam, Optimizer
from hwlearn.learning.parameters import CONDUCTANCES, setting_slopes
from hwlearn.learning.rates.growth import Growth
from hwlearn.learning.rates.learning_rate import GivenRate, LearningRate, Rate
from hwlearn.learning.rates.own_rate import OwnRate
from hwlearn.learning.rates.relative_rate import RelativeRate
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.scores import Score, Scores, score
from hwlearn.learning.task import Task
from hwlearn.learning.training_result import Callback, TrainResult, TrainState
from hwlearn.learning.trajectory import ROWS, Tracker
from hwlearn.learning.wanted import wanted_of
from hwlearn.progress import with_steps

CONFIRMED = 25
"""Free phases that must agree, in the mean, before a noisy training stops at a loss."""


@with_steps
def train(
    circuit: Circuit,
    task: Task,
    rule: Rule,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    learning_rate: Rate = "auto",
    decay: float = 1.0,
    optimizer: str = "plain",
    parameter: str = "conductance",
    batch_size: int | None = None,
    seed: int = 0,
    test: Task | None = None,
    stop_loss: float | None = None,
    keep: Keep | None = None,
    trajectory: int = ROWS,
    callbacks: Sequence[Callback] = (),
    start: Mapping[str, ArrayLike] | None = None,
    progress: bool = False,
) -> TrainResult:
    """Train a circuit: g ← clip(g + step(ġ)) at the trainable edges, `steps` times.

    In one piece, since each line of the loop counts in small circuits.

    g is kept here in full precision; that of resistors in float32 where the circuit computes in it (`SingleWanted`).
    Devices of few codes realise it as well as they can, and steps smaller than a code add up until they make one.

    Args:
        circuit: is driven, measured and programmed.
        task: samples; the direction is averaged over them (or over a minibatch).
        rule: how to get a direction.
        steps: number of updates; 1000 if neither they nor epochs are given.
        epochs: how often all samples are gone through, instead of steps: len(task) // batch_size steps each, or one.
        learning_rate: α. With plain steps a mode of rate λ shrinks by (1 − αλ) a step: stable for α < 2/λ_max. "auto" takes a
            part of this limit where the circuit is now, by a model of it: see `OwnRate`; with adam, a part of what is stepped:
            see `RelativeRate`. A dict has rates by patterns of edges, {"R1*": 0.1, "*": 0.01}; the first that fits counts.
        decay: what α is multiplied by from one epoch to the next.
        optimizer: "plain", "momentum" or "adam".
        parameter: what the step is added to: "conductance" g [S]; "log-conductance", whose direction is g ġ; or what the
            trained edges are set by (`EdgeDevice.set_by`), such as "gate-voltage", whose direction is ġ ∂g/∂setting.
        batch_size: samples per step, drawn without replacement, reshuffled each epoch; all samples if not given.
        seed: of the shuffling.
        test: samples that are only scored; `TrainResult.scores` tells loss and accuracy on both after each epoch.
        stop_loss: stop when the observed loss is at or below it; on a noisy circuit the mean of `CONFIRMED` more free phases
            as well, since one reading may be luck [`Rule.loss_unit`]. Noise counts: ½ s² for each output.
        keep: which state the circuit is left in, "last" or "best": that with the lowest mean of enough free phases (`Keeper`).
            If not given, the best on a noisy circuit, where the last one may be a bad draw, and the last one otherwise.
        trajectory: points of g along the training that are kept, at most; see `Trajectory`. 0 for none.
        callbacks: each is called with a `TrainState` before every update and after the last; one that returns True stops.
        start: go on from a `TrainState.snapshot` of the same training; measures the step again that it was made in.
        progress: show a bar with the loss, on a terminal and in a notebook.

    Raises:
        TaskError: the task does not fit the circuit.
        HwlearnError: a parameter that makes no sense.
        SimulationError: a phase could not be measured; the circuit keeps its last conductances.

    Warns:
        HwlearnWarning: the loss grows, an update put every trainable edge at a bound, or the loss is no longer finite.
    """
    check_circuit(circuit)
    check_task(task)
    check_rule(rule)
    network = circuit.network
    task.check(network)
    whole = rule.sufficient(circuit, task)
    batches = Batches(task, batch_size, seed, whole)
    steps = _steps(steps, epochs, batches.per_epoch)
    check_options(steps, optimizer)
    if test is not None:
        check_task(test)
        test.check(network)
    scored, scores = epochs is not None or test is not None, list[Score]()
    optimize = OPTIMIZERS[optimizer](1.0)
    if not isinstance(learning_rate, str):
        rate: LearningRate = GivenRate(learning_rate, decay, network)
    elif learning_rate != "auto":
        raise HwlearnError(f'learning_rate is {learning_rate!r}; give a number, "auto", or numbers by patterns of edge names')
    elif isinstance(optimize, Adam):
        rate = RelativeRate(decay, network, parameter)
    else:
        rate = OwnRate(decay, circuit, whole, rule, None if batch_size is None else batches.per_epoch, optimize.inertia)
    number = int(network.trainable.sum())
    counting = bool(callbacks)
    logarithmic = parameter == "log-conductance"
    by_setting = parameter not in CONDUCTANCES

    smooth = optimizer == "plain" and batch_size is None and isinstance(circuit, LinearCircuit | NewtonCircuit)
    growth = Growth(smooth, batches.per_epoch, rate.remedy)
    losses: list[float] = []
    keeper = Keeper(circuit, task, rule, keep)
    reading: Reading | None = None
    if by_setting:
        setting_slopes(network, parameter, circuit.conductances)  # refused before the first step
    first, clipped, warned, reason = 0, 0, False, "steps"
    if start is not None:
        first, clipped = _restored(circuit, optimize, start)
        rate.restore(start)
        keeper.restore(_part(start, "keeper"))
    wanted = wanted_of(circuit, parameter)
    if start is not None:
        wanted.start(np.array(start["wanted"], dtype=np.float64))
    tracker = Tracker(trajectory, first, len(network.edges))

    def snapshot() -> dict[str, Array]:
        parts = {"optimizer": optimize.snapshot(), "circuit": memory, "keeper": keeper.snapshot()}
        own = {"step": np.array(float(step)), "clipped": np.array(float(clipped)), "wanted": wanted.conductances.copy()}
        return (
            own
            | rate.snapshot()
            | {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
        )

    for step in range(first, steps + 1):
        if callbacks:
            memory = circuit.snapshot()
        batch = batches.at(step)
        reading = rule.read(circuit, batch)
        if not (math.isfinite(reading.loss) and is_finite(reading.direction)):
            warnings.warn(f"step {step}: the loss is {reading.loss}; stopped at the last good conductances", HwlearnWarning, 3)
            circuit.program(wanted.good)
            reason = "not finite"
            break
        losses.append(reading.loss)
        wanted.note()
        if step >= tracker.due:
            tracker.add(step, wanted.good)
        told = None
        if scored and step % batches.per_epoch == 0:
            told = score(circuit, step, task, test, rule.loss)
            scores.append(told)
        if callbacks:
            outputs = reading.outputs if batch is task else None
            state = TrainState(step, reading.loss, wanted.good, clipped, reading.noise, snapshot, told, keeper.best, outputs)
            if any([callback(state) is True for callback in callbacks]):
                reason = "callback"
                break
        if stop_loss is not None and reading.loss <= stop_loss and _holds(stop_loss, circuit, batch, rule, reading):
            reason = "loss"
            break
        if step == steps:
            break
        keeper.look(step, reading, len(batch))
        if not warned:
            growth.look(step, reading.loss, reading.noise != 0, optimize.learning_rate)
        slopes = None
        if logarithmic or by_setting:
            here = wanted.conductances
            slopes = here if logarithmic else setting_slopes(network, parameter, here)
        if rate.looks:
            rate.look(step, reading, wanted.conductances, slopes)
        optimize.learning_rate = rate.at(step // batches.per_epoch)
        if logarithmic:
            with np.errstate(over="ignore"):
                change = here * np.expm1(optimize.step(here * reading.direction))
        elif slopes is not None:
            change = slopes * optimize.step(slopes * reading.direction)
        else:
            change = optimize.step(reading.direction)
        clipped = wanted.move(change, counting)
        if clipped == number > 0 and not warned:
            warned = True
            warnings.warn(
                f"step {step + 1} put every trainable edge at a bound: the learning rate "
                f"{float(np.max(optimize.learning_rate)):g} is too large",
                HwlearnWarning,
                stacklevel=3,
            )
        wanted.realise()
    done = max(first + len(losses) - 1, 0)
    path = tracker.end(done, wanted.good)
    kept = done if reason == "not finite" else keeper.end(done, reading)
    return TrainResult(circuit.conductances, np.array(losses), done, reason, Scores.of(scores), kept, path)  # type: ignore[arg-type]


def _steps(steps: int | None, epochs: int | None, per_epoch: int) -> int:
    """How many updates."""
    if epochs is None:
        return 1000 if steps is None else steps
    if steps is not None:
        raise HwlearnError(f"steps = {steps} and epochs = {epochs}: give one of them")
    check_count("epochs", epochs, 0)
    return epochs * per_epoch


def check_options(steps: int, optimizer: str) -> None:
    """Refuse arguments of `train` and `train_many` that make no sense.

    Raises:
        HwlearnError: names the argument.
    """
    check_count("steps", steps, 0)
    if optimizer not in OPTIMIZERS:
        raise HwlearnError(f"optimizer {optimizer!r}: choose one of {', '.join(OPTIMIZERS)}")


def task_loss(circuit: Circuit, task: Task) -> tuple[float, Array]:
    """½ ‖o − y‖² [V²], mean over the samples, and the outputs o (S, n_out) V, with the ports open: alike for all rules."""
    task.check(circuit.network)
    outputs = circuit.measure(Drive(task.inputs)).output_voltages
    return 0.5 * float(((outputs - task.targets) ** 2).sum()) / len(task), outputs


def _holds(limit: float, circuit: Circuit, task: Task, rule: Rule, reading: Reading) -> bool:
    """Whether the loss of one reading is confirmed by `CONFIRMED` more of them, on a noisy circuit."""
    if reading.noise == 0:
        return True
    inputs, targets = (np.tile(values, (CONFIRMED, 1)) for values in (task.inputs, task.targets))
    return rule.seen_loss(circuit.measure(Drive(inputs, rule.free(targets))), targets) <= limit


def _restored(circuit: Circuit, optimizer: Optimizer, start: Mapping[str, ArrayLike]) -> tuple[int, int]:
    """Circuit and optimiser as they were at a snapshot; its step, and how many edges were clipped."""
    optimizer.restore(_part(start, "optimizer"))
    try:
        circuit.restore(_part(start, "circuit"))
    except HwlearnError:
        raise
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise HwlearnError(f"the snapshot is that of another circuit, or damaged ({error!r}): start anew") from None
    step = int(np.asarray(start["step"]))
    if step:  # before the first one nothing was programmed, and a code drawn by chance must not be drawn again
        circuit.program(start["wanted"])
    return step, int(np.asarray(start["clipped"]))


def _part(snapshot: Mapping[str, ArrayLike], name: str) -> dict[str, Array]:
    """The arrays of a snapshot that one part of a training, such as its optimiser, gave to it."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): np.asarray(value) for key, value in snapshot.items() if key.startswith(prefix)}
