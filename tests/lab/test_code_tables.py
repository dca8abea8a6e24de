"""Code tables: the data sheet's formula, and the nearest code against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlearn.errors import StationError
from hwlearn.lab.station import CodeTable


def test_a_linear_table_is_the_data_sheet():
    table = CodeTable.linear(8, 10e3, 70.0, 1000.0, min_code=1)
    np.testing.assert_allclose(table.resistances[[0, 51, 255]], [1070, 3070, 11070])
    assert table.bounds == (1 / table.resistances[255], 1 / table.resistances[1])


def test_a_code_of_no_resistance_is_refused_unless_it_is_left_out():
    with pytest.raises(StationError, match=r"code 0 is 0 Ω.*min_code"):
        CodeTable.linear(8, 10e3)
    assert CodeTable.linear(8, 10e3, min_code=1).nearest(1.0) == 1


@st.composite
def tables(draw):
    """Monotone tables, rising or falling, with some codes at both ends left out."""
    ohms = sorted(draw(st.lists(st.floats(1e-2, 1e7), min_size=1, max_size=40, unique=True)))
    if draw(st.booleans()):
        ohms.reverse()
    low = draw(st.integers(0, len(ohms) - 1))
    return CodeTable(np.array(ohms), low, draw(st.integers(low, len(ohms) - 1)))


@given(tables(), st.data())
def test_nearest_is_nearest_by_brute_force(table, data):
    exact = st.sampled_from(table.conductances.tolist())
    wanted = data.draw(st.floats(1e-9, 1e3) | exact)
    code = table.nearest(wanted)
    assert table.min_code <= code <= table.max_code
    best = min(abs(table.conductances[k] - wanted) for k in range(table.min_code, table.max_code + 1))
    assert abs(table.conductances[code] - wanted) == best


@given(tables(), st.floats(1e-9, 1e3))
def test_neighbours_enclose(table, wanted):
    lower, upper = table.neighbours(wanted)
    usable = table.conductances[table.min_code : table.max_code + 1]
    below, above = usable[usable <= wanted], usable[usable >= wanted]
    assert table.conductances[lower] == (below.max() if len(below) else usable.min())
    assert table.conductances[upper] == (above.min() if len(above) else usable.max())
