"""Every loss on a bench, one-sided and symmetric: what the exact model says at the conductances of the codes."""

from pathlib import Path

import numpy as np
import pytest

from hwlearn import (
    BenchCircuit,
    ClassMeans,
    CoupledLearning,
    CrossEntropy,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Hinge,
    Initial,
    OnlyWrong,
    SquaredError,
    Task,
)
from hwlearn.network.builders import crossbar

STATION = Path(__file__).parents[2] / "stations" / "iris.toml"
NETWORK = Initial("log-uniform", 1.5e-4, 6e-4, seed=0)(crossbar(4, 3, 3e-4, rails=(0.0, 1.0), bounds=(9.5e-5, 9e-4)))
CLASSES = 0.1 * np.eye(3)
TASK = Task(np.random.default_rng(1).uniform(0, 1, (6, 4)), CLASSES[[0, 1, 2, 0, 1, 2]])
LOSSES = (SquaredError(), CrossEntropy(0.05), Hinge(0.1), OnlyWrong(CLASSES), ClassMeans())


@pytest.fixture(scope="module")
def circuits(tmp_path_factory):
    """A bench whose devices are what their codes say, and the exact model of it."""
    text = STATION.read_text(encoding="utf-8").replace("pot_tolerance = 0.2", "pot_tolerance = 0.0")
    text = text.replace("noise_v = 20e-6", "noise_v = 1e-7").replace("lsb_v = 5e-6", "lsb_v = 1e-8")
    path = tmp_path_factory.mktemp("losses") / "station.toml"
    path.write_text(text, encoding="utf-8")
    with BenchCircuit(NETWORK, path, verify=False) as bench:
        yield bench, ExactCircuit(NETWORK.with_conductances(bench.program(NETWORK.conductances)))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_directions_are_those_of_the_exact_model(circuits, loss):
    bench, exact = circuits
    rules = [
        EquilibriumPropagation(symmetric=True, loss=loss),
        EquilibriumPropagation(2e-4, loss=loss),
        CoupledLearning(symmetric=True, loss=loss),
        FullClamp(loss=loss),
    ]
    for rule in rules:
        seen, known = rule.read(bench, TASK), rule.read(exact, TASK)
        assert seen.loss == pytest.approx(known.loss, rel=0.02)
        error = np.linalg.norm(seen.direction - known.direction) / np.linalg.norm(known.direction)
        assert error < 0.05
