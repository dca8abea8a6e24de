"""Many trainings at once end where each ends by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import RULES, networks, rounding, tasks

from hwlearn import (
    CoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    Measurement,
    Network,
    Rule,
    Task,
    train,
    train_many,
)
from hwlearn.arrays import Array
from hwlearn.circuits.exact.elimination import Elimination
from hwlearn.errors import HwlearnError, NetworkError, TaskError
from hwlearn.learning import many
from hwlearn.network.builders import grid, kite, random_regular


@pytest.mark.parametrize("network", [grid(3, 4, inputs=["n0_0"]), random_regular(4, 20), kite()])
def test_elimination_is_a_dense_solve(network: Network) -> None:
    random = np.random.default_rng(0)
    free = np.flatnonzero(network.merging.cluster >= 0)
    incidence = network.incidence.toarray()[:, free]
    matrices = np.array([(incidence.T * 10 ** random.uniform(-4, -2, len(incidence))) @ incidence for _ in range(5)])
    columns, rows = np.nonzero(np.tril((matrices[0] != 0).T))  # upper triangle, by columns
    made = Elimination(len(free), np.searchsorted(columns, np.arange(len(free) + 1)), rows)
    right = random.normal(size=(len(free), 3, 5))
    made.factor(matrices[:, rows, columns].T)
    found = made.solve(right.copy())
    for k in range(5):
        np.testing.assert_allclose(found[:, :, k], np.linalg.solve(matrices[k], right[:, :, k]), rtol=1e-9)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(RULES), st.sampled_from([1, 2, 30]))
def test_as_one_by_one(data: st.DataObject, rule: Rule, samples: int) -> None:
    network = data.draw(networks(fixed_edges=True))
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    given_tasks = [data.draw(tasks(network, samples)) for _ in range(3)]
    starts = network.conductances * 10 ** random.uniform(-0.5, 0.5, (3, len(network.edges)))
    scale = np.abs(rule.direction(ExactCircuit(network), given_tasks[0])).max() + 1e6 * rounding(rule, network, given_tasks[0])
    rate = 1e-2 * network.conductances.min() / scale
    result = train_many(network, given_tasks, rule, conductances=starts, steps=3, learning_rate=rate)
    for k, task in enumerate(given_tasks):
        circuit = ExactCircuit(network)
        circuit.program(starts[k])
        alone = train(circuit, task, rule, steps=3, learning_rate=rate)
        np.testing.assert_allclose(result.losses[k], alone.losses, rtol=1e-8, atol=1e-20)
        np.testing.assert_allclose(result.conductances[k], alone.conductances, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::hwlearn.errors.HwlearnWarning")
@pytest.mark.parametrize("optimizer", ["plain", "momentum", "adam"])
@pytest.mark.parametrize("parameter", ["conductance", "log-conductance"])
def test_options_bounds_and_groups(optimizer: str, parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "GROUP", 2)
    network = kite(bounds=(0.95, 1.02), trainable=["R1", "R2", "R5"])
    starts = np.random.default_rng(0).uniform(0.96, 1.01, (5, 6))
    task, rule = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), CoupledLearning(symmetric=True)
    options = {"steps": 6, "learning_rate": 0.5, "optimizer": optimizer, "parameter": parameter}
    result = train_many(network, task, rule, conductances=starts, **options)  # type: ignore[arg-type]
    for k in range(5):
        circuit = ExactCircuit(network)
        circuit.program(starts[k])
        alone = train(circuit, task, rule, **options)  # type: ignore[arg-type]
        np.testing.assert_allclose(result.conductances[k], alone.conductances, rtol=1e-12)
        np.testing.assert_allclose(result.losses[k], alone.losses, rtol=1e-12)
    assert (result.conductances == 1.02).any()


def test_what_it_refuses() -> None:
    task, rule = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), EquilibriumPropagation()
    with pytest.raises(HwlearnError, match="2 tasks for 3 sets"):
        train_many(kite(), [task] * 2, rule, conductances=np.ones((3, 6)), learning_rate=0.1)
    with pytest.raises(HwlearnError, match="different numbers of samples"):
        train_many(kite(), [task, Task([[1, 0], [0, 1]], [[0.6, 0.5, 0.4]] * 2)], rule, learning_rate=0.1)
    with pytest.raises(NetworkError, match="R2 is -1 S"):
        train_many(kite(), task, rule, conductances=[[1, -1, 1, 1, 1, 1]], learning_rate=0.1)
    with pytest.raises(TaskError, match="target"):
        train_many(kite(), Task([[1.0, 0.0]], [[0.6, 0.5]]), rule, learning_rate=0.1)
    for options, word in (({"steps": -1}, "steps"), ({"optimizer": "adma"}, "optimizer"), ({"parameter": "log"}, "parameter")):
        with pytest.raises(HwlearnError, match=word):
            train_many(kite(), task, rule, learning_rate=0.1, **options)  # type: ignore[arg-type]

    class Robust(EquilibriumPropagation):
        def seen_loss(self, free: Measurement, targets: Array) -> float:
            return float(np.abs(self.observed(free, targets)).mean())

    with pytest.raises(HwlearnError, match="Robust has phases or a loss of its own"):
        train_many(kite(), task, Robust(), learning_rate=0.1)
