"""`Scores`: loss and accuracy on training and test samples, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.learning.evaluation import evaluate
from hwlearn.learning.loss import Loss
from hwlearn.learning.task import Task


class Score(NamedTuple):
    """What a circuit is worth after some epochs, with open ports.

    Attributes:
        step: updates done.
        loss, accuracy: on the training samples; loss in the unit of the rule's `Loss`.
        test_loss, test_accuracy: on the test samples. NaN where there are none, or no classes.
    """

    step: int
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores before the first epoch and after each; every column has (epochs + 1,) values, see `Score`."""

    steps: Array
    losses: Array
    accuracy: Array
    test_losses: Array
    test_accuracy: Array

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Scores:
        """The columns of several."""
        return cls(*np.array(scores, dtype=np.float64).reshape(-1, len(Score._fields)).T)


def score(circuit: Circuit, step: int, task: Task, test: Task | None, loss: Loss) -> Score:
    """Measure training and test samples."""
    own = evaluate(circuit, task, loss)
    other = None if test is None else evaluate(circuit, test, loss)
    return Score(
        step,
        own.loss,
        own.accuracy,
        math.nan if other is None else other.loss,
        math.nan if other is None else other.accuracy,
    )
