"""Codes for wanted conductances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlearn.lab.bench.rounding import Rounding
from hwlearn.lab.station import CodeTable

TABLE = CodeTable.linear(bits=8, full_scale_ohm=10e3, wiper_ohm=70, series_ohm=1000)
inside = st.floats(*TABLE.bounds)


@given(inside)
def test_stochastic_rounding_keeps_the_mean(wanted):
    rounding = Rounding([TABLE] * 1000, "stochastic", 0.0, seed=1)
    realised = TABLE.conductances[rounding.codes(np.full(1000, wanted))]
    lower, upper = (TABLE.conductances[code] for code in TABLE.neighbours(wanted))
    assert lower <= realised.min() <= realised.max() <= upper
    assert abs(realised.mean() - wanted) <= 5 * (upper - lower) / 2 / 1000**0.5 + 1e-12 * wanted


@given(inside, st.floats(-0.59, 0.59))
def test_within_the_dead_band_the_code_stays(start, steps):
    rounding = Rounding([TABLE], "dead band", 0.1, seed=0)
    code = rounding.codes(np.array([start]))[0]
    held = TABLE.conductances[code]
    neighbour = code - 1 if steps > 0 else code + 1  # a lower code conducts more
    if 0 <= neighbour <= 255:
        wanted = held + abs(steps) * (TABLE.conductances[neighbour] - held)
        assert rounding.codes(np.array([wanted]))[0] == code
        far = held + 0.75 * (TABLE.conductances[neighbour] - held)
        assert rounding.codes(np.array([far]))[0] == neighbour


def test_a_fixed_resistor_has_no_code():
    assert Rounding([None], "nearest", 0, 0).codes(np.array([1e-3]))[0] == -1


@pytest.mark.parametrize("kind", ["nearest", "dead band"])
def test_the_first_code_is_the_nearest(kind):
    wanted = np.geomspace(*TABLE.bounds, 50)
    found = Rounding([TABLE] * 50, kind, 0.3, 0).codes(wanted)
    assert found.tolist() == [int(np.abs(TABLE.conductances - g).argmin()) for g in wanted]
