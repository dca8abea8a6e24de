"""What was restored is of the kind that it was, on every processor."""

import numpy as np
import pytest

from hwlearn.circuits.imperfect.readings import Drift
from hwlearn.learning.optimizers import OPTIMIZERS
from hwlearn.network.builders import kite


def kinds(remembering):
    found = [getattr(remembering, name) for name in remembering.remembered]
    return [type(value) if isinstance(value, np.ndarray | int) else float for value in found]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 1, 20])
def test_an_optimizer_is_restored_with_its_kinds(name, steps):
    random, first, second = np.random.default_rng(steps), OPTIMIZERS[name](0.1), OPTIMIZERS[name](0.1)
    for _ in range(steps):
        first.step(random.normal(size=5))
    second.restore(first.snapshot())
    assert kinds(second) == kinds(first)
    direction = random.normal(size=5)
    assert second.step(direction.copy()).tobytes() == first.step(direction.copy()).tobytes()


def test_an_effect_is_restored_with_its_kinds():
    first, second = Drift(1e-3), Drift(1e-3)
    for effect in (first, second):
        effect.begin(kite(), (np.zeros(6), np.ones(6)), np.random.default_rng(0))
    first.read(np.zeros((3, 5)), np.random.default_rng(0))
    second.restore(first.snapshot())
    assert (type(second.readings), second.readings) == (int, 3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_directions_that_are_kept_or_whole_numbers_are_stepped_as_others(name):
    signs = np.array([1, -1, 0, 1])
    signs.setflags(write=False)  # by a rule that gives the same again
    whole, real = OPTIMIZERS[name](0.1), OPTIMIZERS[name](0.1)
    for _ in range(3):
        np.testing.assert_array_equal(whole.step(signs), real.step(signs.astype(float)))
    kept = signs.astype(float)
    kept.setflags(write=False)
    real.step(kept)
    np.testing.assert_array_equal(kept, signs)
