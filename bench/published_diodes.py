"""XOR and two moons, which no linear network learns, by resistors, biases and ideal diodes: rows of `published.py`."""

from __future__ import annotations

import numpy as np

from hwlearn import EquilibriumPropagation, NewtonCircuit, Task, predict, train
from hwlearn.arrays import Array, Indices
from hwlearn.network.builders import deep_resistive

GAIN, NUDGE = 10.0, 0.1


def twins(features: Array) -> Array:
    """(S, 2 n + 2) V: features and a rail of 1 V, with their negatives, times the gain."""
    rail = np.column_stack((features, np.ones(len(features))))
    return GAIN * np.hstack((rail, -rail))


def learnt(
    features: Array, labels: Indices, hidden: int, rate: float, seed: int, batch_size: int, test: tuple[Array, Indices]
) -> float:
    """Accuracy on the test samples (features, labels) after 3,000 steps of EP, one output for each of two classes."""
    task = Task(twins(features), np.eye(2)[labels])
    circuit = NewtonCircuit(deep_resistive([features.shape[1] + 1, hidden, 2], seed=seed, gain=GAIN))
    rule = EquilibriumPropagation(NUDGE, symmetric=True)
    train(circuit, task, rule, steps=3000, batch_size=batch_size, learning_rate=rate, seed=seed)
    return float(np.mean(predict(circuit, twins(test[0])) == test[1]))


def xor(seed: int) -> float:
    """Accuracy on the four samples."""
    features, labels = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0])
    return learnt(features, labels, 16, 0.006, seed, 4, (features, labels))


def moons(seed: int) -> float:
    """Test accuracy of 300 samples, after training on 300 others; noise 0.1.

    Layer and rate had the best mean test accuracy over the seeds 100 to 104, of 16 and 32 nodes and rates of 0.003 to 0.024.
    """
    from sklearn.datasets import make_moons

    features, labels = make_moons(600, noise=0.1, random_state=seed)
    return learnt(features[:300], labels[:300], 32, 0.024, seed, 10, (features[300:], labels[300:]))


def moons_linear(seed: int) -> float:
    """The same by scikit-learn's logistic regression."""
    from sklearn.datasets import make_moons
    from sklearn.linear_model import LogisticRegression

    features, labels = make_moons(600, noise=0.1, random_state=seed)
    return float(LogisticRegression().fit(features[:300], labels[:300]).score(features[300:], labels[300:]))
