"""Circuits as scikit-learn estimators (extra "sklearn"): in pipelines, grid searches and cross-validation, on any backend."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from hwlearn.arrays import Array
from hwlearn.circuits.backend import BACKENDS
from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.arguments import check_circuit, check_count, check_network
from hwlearn.learning.encoding import Encoding
from hwlearn.learning.evaluation import open_outputs
from hwlearn.learning.losses.cross_entropy import CrossEntropy
from hwlearn.learning.rates.learning_rate import Rate
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules.equilibrium_propagation import EquilibriumPropagation
from hwlearn.learning.task import Task
from hwlearn.learning.train import train
from hwlearn.network import Network
from hwlearn.network.builders import crossbar

SWING = 0.25
"""Volts between the lowest and the highest target of a regression, around zero."""


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """A whole number for what scikit-learn takes as a seed; that of a number is the number."""
    generator = check_random_state(random_state)
    return int(random_state) if isinstance(random_state, Integral) else int(generator.randint(2**31))


class _CircuitEstimator(BaseEstimator):
    """What both have in common: `network_` is the trained network, `encoding_` makes inputs of features.

    Args:
        network: with as many inputs as the encoding makes and as many outputs as there are targets or classes; a crossbar
            with rails at the ends of `volts` if not given.
        rule: a learning rule with its loss.
        backend: name of one that needs no further settings, or what makes a circuit of the network: `NewtonCircuit`,
            `functools.partial(BenchCircuit, station="stations/iris.toml")`. A circuit is made, and closed, in each call.
        epochs, batch_size, learning_rate, decay, optimizer: see `hwlearn.train`. A batch that is larger than the data is
            all of it.
        volts, twins, bias: see `hwlearn.Encoding`.
        random_state: seed of the crossbar's first conductances and of the shuffling, or what scikit-learn takes for one.
    """

    def __init__(
        self,
        network: Network | None = None,
        *,
        rule: Rule | None = None,
        backend: str | Callable[[Network], Circuit] = "exact",
        epochs: int = 50,
        batch_size: int | None = 10,
        learning_rate: Rate = "auto",
        decay: float = 0.95,
        optimizer: str = "plain",
        volts: tuple[float, float] = (0.0, 1.0),
        twins: bool = False,
        bias: float | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.network = network
        self.rule = rule
        self.backend = backend
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.decay = decay
        self.optimizer = optimizer
        self.volts = volts
        self.twins = twins
        self.bias = bias
        self.random_state = random_state

    def _begin(self, features: Array, outputs: int) -> None:
        """Encoding and untrained network for features (S, n)."""
        if self.network is not None:
            check_network(self.network)
        self.encoding_ = Encoding.fitted(features, self.volts, self.twins, self.bias)
        inputs = self.encoding_(features[:1]).shape[1]
        self._seed = _seed(self.random_state)
        self.network_ = crossbar(inputs, outputs, rails=self.volts, seed=self._seed) if self.network is None else self.network

    def _learn(self, features: Array, targets: Array, rule: Rule, epochs: int) -> None:
        task = Task(self.encoding_(features), targets)
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size, 1)
        size = None if self.batch_size is None or self.batch_size >= len(task) else self.batch_size
        with self._circuit() as circuit:
            result = train(
                circuit,
                task,
                rule if self.rule is None else self.rule,
                epochs=epochs,
                batch_size=size,
                learning_rate=self.learning_rate,
                decay=self.decay,
                optimizer=self.optimizer,
                seed=self._seed,
            )
        self.network_ = self.network_.with_found(result.conductances)
        self._seed += 1  # samples left over in one call of partial_fit are others in the next
        self.n_iter_ = epochs
        self.losses_ = result.losses

    def _outputs(self, features: Any) -> Array:
        check_is_fitted(self, "network_")
        values = validate_data(self, features, reset=False, dtype=np.float64)
        with self._circuit() as circuit:
            return open_outputs(circuit, self.encoding_(values))

    def _circuit(self) -> Circuit:
        if callable(self.backend):
            circuit = self.backend(self.network_)
            check_circuit(circuit)
            return circuit
        if not isinstance(self.backend, str):
            raise HwlearnError(f"backend is {self.backend!r}; give its name, or what makes a circuit of a network")
        try:
            settings = BACKENDS.get(self.backend).model_validate({"name": self.backend})
        except ValidationError:
            raise HwlearnError(
                f"backend {self.backend!r} needs settings: give what makes a circuit of a network, such as "
                "functools.partial(BenchCircuit, station=FILE)"
            ) from None
        return settings.circuit(self.network_, Path(), verify=True)


class CircuitClassifier(ClassifierMixin, _CircuitEstimator):
    """A circuit that classifies; each class has an output, and the highest one is the answer.

    By symmetric EP on the cross-entropy if no rule is given. `decision_function` tells the outputs [V].
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train from the network's first conductances."""
        values, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self._begin_with(values, unique_labels(labels))
        return self._fit(values, labels, self.epochs)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One epoch more, from where the network is. The first call fixes encoding and classes (`classes`, or those of y)."""
        first = not hasattr(self, "network_")
        values, labels = validate_data(self, X, y, dtype=np.float64, reset=first)
        check_classification_targets(labels)
        known = self.classes_ if not first else unique_labels(labels if classes is None else classes)
        if strange := np.setdiff1d(labels, known).tolist():
            raise ValueError(f"y has the label {strange[0]!r}, which is none of the classes of the first call")
        if first:
            self._begin_with(values, known)
        return self._fit(values, labels, 1)

    def _begin_with(self, values: Array, classes: Any) -> None:
        if len(classes) < 2:
            told = ", ".join(map(repr, classes.tolist()))
            raise ValueError(
                f"only one class, {told}; a classification needs two or more (partial_fit: give all `classes` first)"
            )
        self._begin(values, len(classes))
        self.classes_ = classes

    def _fit(self, values: Array, labels: Any, epochs: int) -> Self:
        targets = np.eye(len(self.classes_))[np.searchsorted(self.classes_, labels)]
        self._learn(values, targets, EquilibriumPropagation(loss=CrossEntropy(scale=0.05), symmetric=True), epochs)
        return self

    def decision_function(self, X: Any) -> Array:
        """(S, K) outputs [V]; of two classes (S,) the difference, positive for the second."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> Any:
        """(S,) the class of the highest output."""
        highest = self._outputs(X).argmax(axis=1)
        return self.classes_[highest]


class CircuitRegressor(RegressorMixin, _CircuitEstimator):
    """A circuit that answers numbers: y is scaled to `SWING` volts around zero. By symmetric EP if no rule is given."""

    def fit(self, X: Any, y: Any) -> Self:
        """Train from the network's first conductances."""
        values, wanted = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        columns = np.asarray(wanted, dtype=np.float64).reshape(len(values), -1)
        self._scale(columns, np.ndim(wanted) == 1)
        self._begin(values, columns.shape[1])
        return self._fit(values, columns, self.epochs)

    def partial_fit(self, X: Any, y: Any) -> Self:
        """One epoch more, from where the network is. The first call fixes encoding and scale."""
        first = not hasattr(self, "network_")
        values, wanted = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=first)
        columns = np.asarray(wanted, dtype=np.float64).reshape(len(values), -1)
        if first:
            self._scale(columns, np.ndim(wanted) == 1)
            self._begin(values, columns.shape[1])
        return self._fit(values, columns, 1)

    def predict(self, X: Any) -> Array:
        """(S,) or (S, m) in the unit of y."""
        outputs = self._outputs(X)
        answers = self.middle_ + outputs * self.span_ / SWING
        return answers[:, 0] if self.flat_ else answers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _scale(self, columns: Array, flat: bool) -> None:
        low, high = columns.min(axis=0), columns.max(axis=0)
        self.middle_, self.flat_ = (low + high) / 2, flat
        self.span_ = np.where(high > low, high - low, 1.0)

    def _fit(self, values: Array, columns: Array, epochs: int) -> Self:
        targets = (columns - self.middle_) * SWING / self.span_
        self._learn(values, targets, EquilibriumPropagation(symmetric=True), epochs)
        return self
