"""Circuits as scikit-learn estimators, by scikit-learn's own checks."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from hwlearn import BenchCircuit, CoupledLearning, CrossEntropy, ExactCircuit, ImperfectCircuit, NewtonCircuit
from hwlearn.circuits.imperfect import Quantised
from hwlearn.errors import HwlearnError
from hwlearn.learning.batches import Batches
from hwlearn.network.builders import crossbar
from hwlearn.sklearn import CircuitClassifier, CircuitRegressor


@parametrize_with_checks([CircuitClassifier(epochs=20), CircuitRegressor(epochs=20)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_takes_it(estimator, check):
    check(estimator)


def test_pipeline_and_grid_search():
    features, labels = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[labels]
    rules = [CoupledLearning(0.1, symmetric=True, loss=CrossEntropy(scale)) for scale in (0.05, 0.5)]
    one = CircuitClassifier(crossbar(4, 3, rails=(0.0, 1.0), seed=0), epochs=5)
    search = GridSearchCV(make_pipeline(StandardScaler(), one), {"circuitclassifier__rule": rules}, cv=3).fit(features, names)
    assert search.best_score_ > 0.9
    assert set(search.predict(features)) == set(names)


def test_partial_fit_goes_on():
    features, labels = load_iris(return_X_y=True)
    one = CircuitClassifier()
    scores = [one.partial_fit(features, labels).score(features, labels) for _ in range(15)]
    assert scores[-1] > 0.9


def test_ngspice_answers_as_the_exact_model():
    features, labels = load_iris(return_X_y=True)
    ends = [CircuitClassifier(backend=name, epochs=1, batch_size=50).fit(features, labels) for name in ("exact", "ngspice")]
    np.testing.assert_allclose(ends[1].decision_function(features), ends[0].decision_function(features), atol=1e-7)


POTS = crossbar(4, 3, 3e-4, rails=(0.0, 1.0), bounds=(9.5e-5, 9e-4), seed=0)
BENCH = partial(BenchCircuit, station=Path(__file__).parents[1] / "stations" / "iris.toml", verify=False)


@pytest.mark.parametrize("kind", [CircuitClassifier, CircuitRegressor])
def test_any_backend_learns_and_answers(kind):
    """Devices of 8 bits and ±20 % on the virtual bench; Newton's method and ngspice to their tolerances."""
    features, labels = load_iris(return_X_y=True)
    few = slice(None, None, 5)
    values, wanted = features[few], labels[few] if kind is CircuitClassifier else np.eye(3)[labels[few]] + 5
    shared = {"network": POTS, "epochs": 2, "batch_size": 15, "random_state": 1}
    exact = kind(**shared).fit(values, wanted)
    outputs = exact._outputs(values)
    for backend, part in (("ngspice", 1e-6), (NewtonCircuit, 1e-6), (quantised, 0.05), (BENCH, 0.3)):
        other = kind(**shared, backend=backend).fit(values, wanted)
        assert other.losses_[-1] < other.losses_[0]
        np.testing.assert_allclose(other._outputs(values), outputs, atol=part * np.abs(outputs).max())
        assert other.predict(values).shape == wanted.shape


def quantised(network):
    return ImperfectCircuit(ExactCircuit(network), Quantised(256, 9.5e-5, 9e-4))


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("bench", "backend 'bench' needs settings: give what makes a circuit"),
        (3, "backend is 3; give its name, or what makes a circuit"),
        (lambda network: network, "pass ExactCircuit"),
    ],
)
def test_what_makes_no_circuit_is_told(backend, words):
    with pytest.raises(HwlearnError, match=words):
        CircuitRegressor(backend=backend, epochs=1).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": "full"}, "batch_size is 'full'; it must be a whole number"),
        ({"batch_size": True}, "batch_size is True; it must be 1 or more"),
        ({"network": "board.cir"}, "network is 'board.cir': pass a Network"),
        ({"volts": 3}, "volts are 3; give the lower and the upper end"),
        ({"volts": ("a", "b")}, r"volts are \('a', 'b'\): could not convert"),
        ({"bias": "1 V"}, "bias is '1 V': could not convert"),
    ],
)
def test_an_argument_that_makes_no_sense_is_told(arguments, words):
    with pytest.raises(HwlearnError, match=words):
        CircuitClassifier(epochs=1, **arguments).fit([[0.0], [1.0]], [0, 1])


def test_a_random_state_is_what_scikit_learn_takes():
    features, labels = load_iris(return_X_y=True)
    one, other = (CircuitClassifier(epochs=0, random_state=np.random.RandomState(7)).fit(features, labels) for _ in range(2))
    np.testing.assert_array_equal(one.network_.conductances, other.network_.conductances)
    drawn = [CircuitClassifier(epochs=0, random_state=None).fit(features, labels).network_.conductances for _ in range(2)]
    assert not np.array_equal(*drawn)


def test_partial_fit_reaches_every_sample(monkeypatch):
    """7 samples, 5 in a batch: a call leaves two out, and not the same two each time."""
    seen = set()

    def at(self, step, drawn=Batches.at):
        batch = drawn(self, step)
        seen.update(batch.inputs[:, 0].tolist())
        return batch

    monkeypatch.setattr(Batches, "at", at)
    one = CircuitClassifier(batch_size=5)
    for _ in range(10):
        one.partial_fit(np.arange(7.0)[:, None], np.arange(7) % 2)
    assert len(seen) == 7


def test_a_first_call_that_fails_fixes_nothing():
    features, labels = load_iris(return_X_y=True)
    one = CircuitClassifier()
    with pytest.raises(ValueError, match="label 0, which is none of the classes"):
        one.partial_fit(features, labels, classes=[1, 2])
    with pytest.raises(ValueError, match=r"only one class, 0; .*all `classes`"):
        one.partial_fit(features[:10], labels[:10])
    assert set(one.partial_fit(features, labels).classes_) == {0, 1, 2}
