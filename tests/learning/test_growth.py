"""A loss that grows is told, once; one that overshoots or scatters is not."""

import warnings

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, ExactCircuit, Task, train
from hwlearn.circuits.imperfect.circuit import ImperfectCircuit
from hwlearn.circuits.imperfect.readings import Noise
from hwlearn.errors import HwlearnWarning
from hwlearn.learning.rates.growth import Growth
from hwlearn.network.builders import kite

KITE = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def told(**options):
    circuit = options.pop("circuit", ExactCircuit(KITE))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(circuit, TASK, EquilibriumPropagation(symmetric=True), **options)
    return [str(one.message) for one in caught if issubclass(one.category, HwlearnWarning)]


def test_above_the_limit():
    """2/λ_max is 14.1 at the solution, by coercivity: below, nothing is said; above, what to do."""
    assert told(steps=300, learning_rate=13.0) == []
    (text,) = told(steps=300, learning_rate=40.0)
    assert "the loss grew from" in text
    assert "give less, or leave it out (auto)" in text


@pytest.mark.parametrize("optimizer", ["plain", "momentum", "adam"])
def test_auto_is_not_warned_of(optimizer):
    assert told(steps=600, optimizer=optimizer) == []


def test_noise_is_no_growth():
    circuit = ImperfectCircuit(ExactCircuit(KITE), Noise(1e-4), seed=0)
    assert told(circuit=circuit, steps=300, learning_rate=2.0) == []


def test_a_window_counts_where_steps_scatter():
    growth, random = Growth(False, 10, "go slower"), np.random.default_rng(0)

    def see(size, steps):
        for step in steps:
            growth.look(step, size * random.exponential(), True, 0.1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        see(1, range(200))
    with pytest.warns(HwlearnWarning, match="step 2..: the loss grew from .* 0.1 is too large here; go slower"):
        see(20, range(200, 300))
