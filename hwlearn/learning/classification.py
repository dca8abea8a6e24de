"""`Classification`: a task whose targets stand for classes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.errors import TaskError
from hwlearn.learning.encoding import Encoding, table
from hwlearn.learning.labels import as_array, classes_of, indices_of, listed
from hwlearn.learning.splitting import part_of_each, shares
from hwlearn.learning.task import Task


class Classification(Task):
    """Samples with labels. An answer is of the class whose target is nearest: with one-hot targets, of the highest output.

    Made by `Task.classification`.

    Attributes:
        features: (S, n) as they were given.
        encoding: makes the inputs of them; fitted to the training samples.
        classes: the K labels, see `classes_of`.
        indices: (S,) which class each sample is of.
        class_targets: (K, n_out) V.
    """

    features: Array
    encoding: Encoding
    classes: tuple[Any, ...]
    indices: NDArray[np.intp]
    class_targets: Array

    def __init__(
        self,
        features: ArrayLike,
        indices: NDArray[np.intp],
        encoding: Encoding,
        classes: tuple[Any, ...],
        class_targets: ArrayLike,
    ) -> None:
        goals = np.array(class_targets, dtype=np.float64)
        if goals.ndim != 2 or len(goals) != len(classes):
            raise TaskError(f"class targets: shape {goals.shape}, need one row for each of the {len(classes)} classes")
        values = np.array(table(features))
        super().__init__(encoding(values), goals[indices])
        for array in (values, indices, goals):
            array.setflags(write=False)
        own = {"features": values, "encoding": encoding, "classes": classes, "indices": indices, "class_targets": goals}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<Task: {len(self)} samples of {len(self.classes)} classes, {self.inputs.shape[1]} inputs>"

    @property
    def labels(self) -> NDArray[Any]:
        """(S,) the labels."""
        return as_array(self.classes)[self.indices]

    @classmethod
    def of(cls, features: ArrayLike, labels: Any, class_targets: ArrayLike | None = None, **encoding: Any) -> Self:
        """See `Task.classification`."""
        values, given = table(features), listed(labels)
        if len(values) != len(given):
            raise TaskError(f"{len(values)} samples of features, {len(given)} labels")
        classes = classes_of(given)
        if len(classes) < 2:
            raise TaskError(
                f"labels: only one class, {classes[0]!r}; a classification needs two or more" if classes else "no labels"
            )
        goals = np.eye(len(classes)) if class_targets is None else class_targets
        return cls(values, indices_of(given, classes), Encoding.fitted(values, **encoding), classes, goals)

    def like(self, features: ArrayLike, labels: Any) -> Classification:
        """Other samples of the same classes in the same encoding: test data.

        Raises:
            TaskError: a label that is none of the classes.
        """
        values, given = table(features), listed(labels)
        if len(values) != len(given):
            raise TaskError(f"{len(values)} samples of features, {len(given)} labels")
        return Classification(values, indices_of(given, self.classes), self.encoding, self.classes, self.class_targets)

    def split(self, test: float = 0.25, seed: int = 0) -> tuple[Classification, Classification]:
        """(training, test): `test` of the samples of each class, drawn at random, are kept for the test.

        The encoding is fitted anew, to the training samples alone.
        """
        kept = part_of_each(self.indices, shares(test, len(self)), seed)
        encoding = self.encoding.refitted(self.features[~kept])
        one, two = (
            Classification(self.features[chosen], self.indices[chosen], encoding, self.classes, self.class_targets)
            for chosen in (~kept, kept)
        )
        return one, two

    def with_class_means(self, circuit: Circuit, amplitude: float = 2.0) -> Classification:
        """The same samples with class-mean targets m + a (m_k − m): what `circuit` answers now, its classes moved apart.

        m is the mean output over the samples [V], m_k that of class k, a the `amplitude`. A linear network may be unable to
        reach one-hot rows; such targets are near what it does. So did NachiStern's MNIST-Contrasive-Local-Learning-Networks.
        """
        outputs = circuit.measure(Drive(self.inputs)).output_voltages
        mean = outputs.mean(axis=0)
        means = np.array([outputs[self.indices == k].mean(axis=0) for k in range(len(self.classes))])
        return self.with_class_targets(mean + amplitude * (means - mean))

    def with_class_targets(self, class_targets: ArrayLike) -> Classification:
        """The same samples with other targets of the classes, (K, n_out) V."""
        return Classification(self.features, self.indices, self.encoding, self.classes, class_targets)

    def classify(self, outputs: Array) -> NDArray[np.intp]:
        """(S,) which class each answer (S, n_out) [V] is of."""
        return nearest(outputs, self.class_targets)


def nearest(outputs: Array, class_targets: Array) -> NDArray[np.intp]:
    """(S,) the row of `class_targets` that is nearest to each row of `outputs`."""
    return np.asarray(((class_targets**2).sum(axis=1) - 2 * outputs @ class_targets.T).argmin(axis=1), dtype=np.intp)
