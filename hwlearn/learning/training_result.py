"""`TrainState` and `TrainResult`: what a training tells before each step, and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hwlearn.arrays import Array
from hwlearn.learning.keeping import Best
from hwlearn.learning.scores import Score, Scores
from hwlearn.learning.trajectory import Trajectory

StopReason = Literal["steps", "loss", "callback", "not finite"]


@dataclass(frozen=True, eq=False)
class TrainState:
    """What a callback sees before each step, and once after the last.

    Attributes:
        step: number of updates done so far.
        loss: the loss that the rule observes now (of the minibatch, if there are any) [`Rule.loss_unit`].
        conductances: (E,) S, what the circuit has now. Read-only.
        clipped: how many edges the last update left at a bound.
        noise: standard deviation of a voltage of this step, as in `Measurement` [V]; NaN if unknown.
        snapshot: makes what `train(…, start=…)` goes on from, as if it had never stopped: named arrays.
        score: loss and accuracy, at the first step of each epoch where these are asked for.
        best: the best state that was confirmed before, where the best one is kept.
        outputs: (S, n_out) V that the free phase read with open ports, of all samples; None where it did not.
    """

    step: int
    loss: float
    conductances: Array
    clipped: int
    noise: float
    snapshot: Callable[[], dict[str, Array]]
    score: Score | None = None
    best: Best | None = None
    outputs: Array | None = None


Callback = Callable[[TrainState], object]


@dataclass(frozen=True, eq=False)
class TrainResult:
    """The course and the end of a training. What a `FlowResult` has as well has the same name and shape in both.

    Attributes:
        conductances: (E,) S, as the circuit realised them; the circuit is left with these.
        losses: (T,): the loss that the rule observed before each update, and after the last [`Rule.loss_unit`]; from the step
            of `start` on, if there was one.
        steps: number of updates, those before `start` included.
        stopped_because: "steps" (all done), "loss" (at or below `stop_loss`), "callback", or "not finite" (the loss or the
            direction turned NaN or infinite; the conductances are the last good ones).
        scores: before the first epoch and after each, where `epochs` or `test` was given; else empty columns.
        kept: the step whose state this is: the last one, or with `keep = "best"` that of the best one.
        trajectory: conductances along the training.
    """

    conductances: Array
    losses: Array
    steps: int
    stopped_because: StopReason
    scores: Scores = field(default_factory=lambda: Scores.of([]))
    kept: int = 0
    trajectory: Trajectory = field(default_factory=lambda: Trajectory(np.zeros(0), np.zeros((0, 0))))

    @property
    def at(self) -> Array:
        """(T,) steps that `losses` belong to."""
        return np.arange(self.steps + 1 - len(self.losses), self.steps + 1, dtype=np.float64)

    @property
    def train_losses(self) -> Array:
        """(epochs + 1,) loss on all training samples."""
        return self.scores.losses

    @property
    def accuracy(self) -> Array:
        """(epochs + 1,) on the training samples."""
        return self.scores.accuracy

    @property
    def test_losses(self) -> Array:
        """(epochs + 1,) loss on the test samples."""
        return self.scores.test_losses

    @property
    def test_accuracy(self) -> Array:
        """(epochs + 1,) on the test samples."""
        return self.scores.test_accuracy

    def __repr__(self) -> str:
        losses = "no loss" if not len(self.losses) else f"loss {self.losses[0]:.4g} → {self.losses[-1]:.4g}"
        return f"<TrainResult: {self.steps} steps (stopped because: {self.stopped_because}), {losses}>"
