"""`predict` and `evaluate`: what a trained circuit answers, and how right it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, samples
from hwlearn.errors import HwlearnError
from hwlearn.learning.arguments import check_circuit, check_loss, check_task
from hwlearn.learning.classification import Classification, nearest
from hwlearn.learning.labels import as_array
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.task import Task

AT_ONCE = 4096
"""Samples that are measured together, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a circuit answers a task.

    Attributes:
        loss: mean over the samples [unit of the loss].
        accuracy: part of the samples whose class is right, 0 … 1; NaN where the task has no classes.
        outputs: (S, n_out) V.
        confusion: (K, K) counts, a row for each true class and a column for each answer; None without classes.
    """

    loss: float
    accuracy: float
    outputs: Array
    confusion: NDArray[np.intp] | None

    def __repr__(self) -> str:
        accuracy = "" if math.isnan(self.accuracy) else f", accuracy {self.accuracy:.4g}"
        return f"<Evaluation of {len(self.outputs)} samples: loss {self.loss:.4g}{accuracy}>"


def evaluate(circuit: Circuit, task: Task, loss: Loss | None = None) -> Evaluation:
    """Loss, accuracy and confusion of a circuit with open ports.

    Args:
        circuit: is driven and measured.
        task: test samples, say.
        loss: what judges the outputs, such as `rule.loss`; the squared error if not given.

    Raises:
        TaskError: the task does not fit the circuit.
    """
    check_task(task)
    if loss is not None:
        check_loss(loss)
    check_circuit(circuit)
    task.check(circuit.network)
    return judged(task, open_outputs(circuit, task.inputs), SquaredError() if loss is None else loss)


def judged(task: Task, outputs: Array, loss: Loss) -> Evaluation:
    """The evaluation of outputs (S, n_out) [V] that were measured already."""
    value = loss.judge(outputs, task.targets)[1]
    if not isinstance(task, Classification):
        return Evaluation(value, math.nan, outputs, None)
    count = len(task.classes)
    answers = task.classify(outputs)
    confusion = np.bincount(task.indices * count + answers, minlength=count**2).reshape(count, count)
    return Evaluation(value, float(np.mean(answers == task.indices)), outputs, confusion)


def predict(circuit: Circuit, inputs: ArrayLike, task: Task | None = None) -> NDArray[Any]:
    """(S,) what class a circuit says each sample is of.

    Args:
        circuit: is driven with open ports and measured.
        inputs: (S, n_in) V, like `Task.inputs`; features are made inputs by `task.encoding(features)`.
        task: of `Task.classification`; answers are its labels then. Without one, the number of the highest output.
    """
    check_circuit(circuit)
    outputs = open_outputs(circuit, samples(inputs, "inputs"))
    if task is None:
        return np.asarray(nearest(outputs, np.eye(outputs.shape[1])))
    if not isinstance(task, Classification):
        raise HwlearnError("the task has no classes; pass one of Task.classification, or none")
    return np.asarray(as_array(task.classes)[task.classify(outputs)])


def open_outputs(circuit: Circuit, inputs: Array) -> Array:
    """(S, n_out) V with the ports open."""
    if not len(inputs):
        return np.zeros((0, len(circuit.network.outputs)))
    parts = [inputs[start : start + AT_ONCE] for start in range(0, len(inputs), AT_ONCE)]
    return np.concatenate([circuit.measure(Drive(part)).output_voltages for part in parts])
