"""`Grades`: how right a classification is in the end, on training and test samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.learning.classification import Classification
from hwlearn.learning.evaluation import Evaluation, evaluate, judged

if TYPE_CHECKING:
    from hwlearn.experiments.experiment import Experiment


@dataclass(frozen=True, eq=False)
class Grades:
    """How right a classification is in the end. Empty where the task has no classes, or the circuit no longer answered.

    Attributes:
        classes: the K labels.
        training, test: see `Evaluation`; `test` is None without test samples.
    """

    classes: tuple[Any, ...] = ()
    training: Evaluation | None = None
    test: Evaluation | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: accuracy 0 … 1, and confusion with a row for each true class and a column for each answer."""
        if self.training is None or self.training.confusion is None:
            return {}
        content = {
            "classes": list(self.classes),
            "accuracy": self.training.accuracy,
            "confusion": self.training.confusion.tolist(),
        }
        if self.test is None or self.test.confusion is None:
            return content
        return {**content, "test_accuracy": self.test.accuracy, "test_confusion": self.test.confusion.tolist()}


def grades_of(experiment: Experiment, circuit: Circuit, outputs: Array) -> Grades:
    """Grades of a circuit whose outputs (S, n_out) [V] for the training samples were measured; the test is measured here."""
    task, test, loss = experiment.task, experiment.test, experiment.rule.loss
    if not isinstance(task, Classification):
        return Grades()
    return Grades(task.classes, judged(task, outputs, loss), None if test is None else evaluate(circuit, test, loss))
