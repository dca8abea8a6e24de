"""`Classifier`: what makes a trained circuit answer with labels: encoding, classes and their targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.learning.classification import Classification, nearest
from hwlearn.learning.encoding import Encoding
from hwlearn.learning.evaluation import open_outputs
from hwlearn.learning.labels import as_array


@dataclass(frozen=True, eq=False)
class Classifier:
    """Features in, labels out, by a circuit.

    Attributes:
        encoding: makes inputs of features. classes: the K labels. class_targets: (K, n_out) V.
    """

    encoding: Encoding
    classes: tuple[Any, ...]
    class_targets: Array

    @classmethod
    def of(cls, task: Classification) -> Self:
        """The classifier of a task: its encoding, its classes and their targets."""
        return cls(task.encoding, task.classes, task.class_targets)

    def __call__(self, circuit: Circuit, features: ArrayLike) -> NDArray[Any]:
        """(S,) the label that a circuit gives each sample of features (S, n).

        Raises:
            TaskError: features that are no finite numbers, or another number of them.
        """
        outputs = open_outputs(circuit, self.encoding(features))
        return np.asarray(as_array(self.classes)[nearest(outputs, self.class_targets)])

    def as_dict(self) -> dict[str, Any]:
        """For JSON, where labels are texts, numbers or booleans; `from_dict` reads it."""
        return {
            "classes": list(self.classes),
            "class_targets": self.class_targets.tolist(),
            "encoding": self.encoding.as_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The classifier that `as_dict` wrote."""
        targets = np.array(content["class_targets"], dtype=np.float64)
        return cls(Encoding.from_dict(content["encoding"]), tuple(content["classes"]), targets)
