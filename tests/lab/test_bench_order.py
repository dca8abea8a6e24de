"""The order of measuring."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlearn.lab.bench.order import visits


@given(st.integers(1, 9), st.integers(1, 7), st.sampled_from(["AB", "ABBA"]))
def test_every_sample_gets_all_its_readings(count, repeats, order):
    total = Counter()
    for sample, readings in visits(count, repeats, order):
        total[sample] += readings
    assert total == {sample: repeats for sample in range(count)}


@pytest.mark.parametrize("repeats", [2, 4, 6])
def test_a_linear_drift_cancels_between_neighbours(repeats):
    times, now = {0: [], 1: []}, 0
    for sample, readings in visits(2, repeats, "ABBA"):
        for _ in range(readings):
            times[sample].append(now)
            now += 1
    assert np.mean(times[0]) == np.mean(times[1])
