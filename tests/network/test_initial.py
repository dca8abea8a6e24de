"""Conductances at random: their distribution, their seeds, their bounds; in Python and in files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlearn import Initial
from hwlearn.errors import ExperimentError, NetworkError
from hwlearn.experiments import load_experiment, run_experiment
from hwlearn.network.builders import crossbar, kite

KITE = """
[circuit]
builder = "kite"
initial = { distribution = "log-uniform", low = 0.1, high = 10.0, seed = 4 }
[task]
inputs = [[1.0, 0.0]]
targets = [[0.6, 0.5, 0.4]]
[rule]
name = "ep"
[train]
steps = 20
learning_rate = 0.5
"""


@pytest.mark.parametrize(
    ("distribution", "spread"),
    [("uniform", lambda g: (g - 0.1) / 9.9), ("log-uniform", lambda g: np.log(g / 0.1) / np.log(100))],
)
def test_they_are_spread_as_said(distribution, spread):
    g = Initial(distribution, 0.1, 10.0, seed=1)(crossbar(50, 40)).conductances
    parts = np.sort(spread(g))
    distance = np.abs(parts - (np.arange(len(g)) + 0.5) / len(g)).max()
    assert distance < 1.63 / np.sqrt(len(g))  # Kolmogorov and Smirnov, 1 %


def test_a_factor_multiplies_what_is_there():
    network = kite([1, 1.5, 1.3, 1, 1, 1.7])
    factors = Initial("factor", 0.5, 2.0, seed=3)(network).conductances / network.conductances
    expected = Initial("log-uniform", 0.5, 2.0, seed=3)(network).conductances
    assert np.allclose(factors, expected, rtol=1e-15)


@given(seed=st.integers(0, 2**32), other=st.integers(0, 2**32))
def test_a_seed_is_a_start(seed, other):
    network = kite()
    one, two = (Initial("uniform", 0.5, 2.0, seed=k)(network).conductances.tolist() for k in (seed, other))
    assert one == Initial("uniform", 0.5, 2.0, seed=seed)(network).conductances.tolist()
    assert (one == two) == (seed == other)


def test_fixed_edges_stay_and_others_do_not_depend_on_which():
    whole = Initial("uniform", 0.5, 2.0)(kite()).conductances
    fixed = kite(trainable=["R1", "R4"])
    found = Initial("uniform", 0.5, 2.0)(fixed).conductances
    names = np.array(fixed.edge_names)
    assert set(names[found != 1.0]) == {"R1", "R4"}
    assert found[found != 1.0].tolist() == whole[found != 1.0].tolist()
    some = Initial("uniform", 0.5, 2.0, edges=["r1"])(fixed).conductances
    assert names[some != 1.0].tolist() == ["R1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"distribution": "gauss", "low": 1, "high": 2}, "distribution 'gauss'; choose one of uniform"),
        ({"distribution": "uniform", "low": 0, "high": 2}, "need 0 < low ≤ high"),
        ({"distribution": "uniform", "low": 3, "high": 2}, "need 0 < low ≤ high"),
        ({"distribution": "uniform", "low": 1, "high": np.inf}, "need 0 < low ≤ high"),
        ({"distribution": "uniform", "low": 2000, "high": 3000}, r"R1 is drawn at .* S, outside its bounds 1e-09 … 1000 S"),
        ({"distribution": "uniform", "low": 1, "high": 2, "edges": ["Q*"]}, "pattern 'Q\\*' fits no edge"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(NetworkError, match=words):
        Initial(**options)(kite())


def test_a_file_starts_as_python_does(tmp_path):
    file = tmp_path / "kite.toml"
    file.write_text(KITE)
    experiment = load_experiment(file)
    expected = Initial("log-uniform", 0.1, 10.0, seed=4)(kite())
    assert experiment.network.conductances.tolist() == expected.conductances.tolist()
    assert (
        run_experiment(experiment).loss_initial
        != run_experiment(load_experiment(file, {"circuit.initial.seed": 5})).loss_initial
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed = 4", "sed = 4", "unknown key circuit.initial.sed; did you mean circuit.initial.seed?"),
        ("low = 0.1, ", "", "circuit.initial.low is missing"),
        ("low = 0.1", "low = 20", "[circuit.initial]: low = 20.0 is above high = 10.0"),
        ("low = 0.1", "low = -1", "circuit.initial.low = -1: must be greater than 0"),
        ('"log-uniform"', '"normal"', "circuit.initial.distribution = 'normal': must be 'uniform'"),
        ("high = 10.0", "high = 1e9", "outside its bounds 1e-09 … 1000 S; widen the bounds"),
    ],
)
def test_files_name_the_key(tmp_path, old, new, words):
    file = tmp_path / "kite.toml"
    assert old in KITE
    file.write_text(KITE.replace(old, new))
    with pytest.raises(ExperimentError) as caught:
        load_experiment(file).network  # noqa: B018
    assert str(caught.value).startswith(f"{file}: ")
    assert words in str(caught.value)
