"""`Limits` against numpy's clip, edge by edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn.learning import limits
from hwlearn.learning.limits import Limits


@pytest.mark.parametrize("many", [1, limits.MANY])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), runs=st.integers(1, 12), single=st.booleans())
def test_edges_move_within_their_bounds(many: int, seed: int, runs: int, single: bool) -> None:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 4, runs)
    lower = np.repeat(random.uniform(0, 1, runs), lengths)
    upper = lower + np.repeat(random.uniform(0, 2, runs), lengths)
    trainable = random.random(len(lower)) < 0.8
    wanted = random.uniform(lower, upper)
    change = (random.normal(size=len(lower)) * trainable).astype("float32" if single else "float64")
    aim = wanted + change.astype(float)
    expected = np.where(trainable, np.clip(aim, lower, upper), aim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MANY", many)
        found, stopped = Limits(lower, upper, trainable).moved(wanted, change.copy(), counting=True)
    np.testing.assert_array_equal(found, expected)
    assert stopped == np.count_nonzero(expected != aim)


def test_edges_are_counted_if_the_first_that_learns_was_stopped() -> None:
    three = Limits(np.zeros(3), np.ones(3), np.array([False, True, True]))
    assert three.moved(np.full(3, 0.5), np.array([0.0, 1.0, 1.0]), counting=False)[1] == 2
    assert three.moved(np.full(3, 0.5), np.array([0.0, 0.1, 1.0]), counting=False)[1] == 0


def test_an_overflow_ends_at_the_bound() -> None:
    two = Limits(np.full(2, 1e-6), np.array([1.0, np.inf]), np.ones(2, dtype=bool))
    found, _ = two.moved(np.ones(2), np.array([np.inf, np.inf]), counting=True)
    assert found.tolist() == [1.0, pytest.approx(np.finfo(float).max)]
