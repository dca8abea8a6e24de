"""A factor that is kept while the conductances move gives the answers of a new one."""

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, triu
from test_linalg import reduced

from hwlearn import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation, ExactCircuit, Rule, Task, train
from hwlearn.circuits.exact import reused, system
from hwlearn.circuits.exact.reused import ReusedFactor
from hwlearn.circuits.linalg import DenseCholesky
from hwlearn.learning.training_result import TrainState
from hwlearn.network.builders import grid, random_regular


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(2, 6), st.floats(0, 1.5), st.integers(0, 1000))
def test_solves_whatever_the_change(rows: int, columns: int, decades: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    network = grid(rows, columns, inputs=["n0_0"])
    g = 10 ** random.uniform(-4, -2, len(network.edges))
    made: ReusedFactor | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reused, "WORTHWHILE", 0.0)
        for _ in range(4):
            matrix = reduced(network.with_conductances(g))
            upper = triu(csc_array(matrix), format="csc")
            upper.sort_indices()
            pattern = upper.indptr, upper.indices
            made = made or ReusedFactor(DenseCholesky(len(matrix), *pattern), *pattern)
            right = random.normal(size=(3, len(matrix)))
            right[1] = 0.0
            made.factor(upper.data, g)
            found = made.solve(right)
            error, true = found - np.linalg.solve(matrix, right.T).T, np.linalg.solve(matrix, right.T).T
            for k in range(3):
                assert error[k] @ matrix @ error[k] <= 1e-16 * true[k] @ matrix @ true[k]
            if made.residual is not None:
                size = (np.abs(found) @ np.abs(matrix)).max()
                np.testing.assert_allclose(made.residual, right - found @ matrix, rtol=0, atol=1e-14 * size)
            g = g * 10 ** random.uniform(-decades, decades, len(g))


@pytest.mark.parametrize("rule", [EquilibriumPropagation(symmetric=True), CoupledLearning(), AdjointCoupledLearning(1e-3)])
def test_training_with_an_old_factor(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused, "WORTHWHILE", 0.0)
    monkeypatch.setattr(reused, "thread_time", count().__next__)  # all takes equally long, so the first factor stays
    monkeypatch.setattr(system, "SMALLEST", 0)
    monkeypatch.setattr(system, "Cholmod", DenseCholesky)
    monkeypatch.setattr(system, "choose_cholesky", DenseCholesky)
    network = random_regular(
        4, 120, conductances=10 ** np.random.default_rng(0).uniform(-1, 0, 240), outputs=["n7", "n100,n20"]
    )
    task = Task([[0.2, 0.8], [0.7, 0.3]], [[0.5, 0.05], [0.4, -0.1]])
    circuit = ExactCircuit(network)
    seen = []

    def compare(state: TrainState) -> None:
        monkeypatch.setattr(reused, "WORTHWHILE", np.inf)
        fresh = rule.read(ExactCircuit(network.with_conductances(state.conductances)), task)
        monkeypatch.setattr(reused, "WORTHWHILE", 0.0)
        reading = rule.read(circuit, task)
        scale = np.abs(fresh.direction).max()
        np.testing.assert_allclose(reading.direction, fresh.direction, rtol=0, atol=1e-8 * scale)
        assert reading.loss == pytest.approx(fresh.loss, rel=1e-9)
        seen.append(state.loss)

    train(circuit, task, rule, steps=10, learning_rate=0.3, callbacks=[compare])
    cholesky = circuit._system.cholesky
    assert isinstance(cholesky, ReusedFactor)
    assert cholesky.factorisations < 5 < cholesky.iterations
    assert seen[-1] < seen[0]


def test_cheap_factors_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused, "WORTHWHILE", np.inf)
    circuit = ExactCircuit(grid(70, 70, outputs=["n3_3"]))
    cholesky = circuit._system.cholesky
    assert isinstance(cholesky, ReusedFactor)
    train(circuit, Task([[1.0, 0.0]], [[0.4]]), EquilibriumPropagation(), steps=4, learning_rate=1.0)
    assert (cholesky.factorisations, cholesky.iterations) == (5, 0)


@pytest.mark.parametrize("decades", [6, 8])
def test_conductances_that_jump(decades: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each edge rises or falls by decades, and stays there: the iterations start far from the solution."""
    monkeypatch.setattr(reused, "WORTHWHILE", 0.0)
    monkeypatch.setattr(reused, "thread_time", count().__next__)  # all takes equally long
    random = np.random.default_rng(0)
    network = random_regular(4, 150, outputs=["n7"])
    before = 10 ** random.uniform(-1, 0, len(network.edges))
    after = before * 10 ** random.uniform(-decades, decades, len(before))
    sources = [network.node_index[source.plus] for source in network.inputs]
    free = network.merging.cluster >= 0
    made: ReusedFactor | None = None
    for g in (before, 1.01 * before, after, after):
        laplacian = network.incidence.T @ (network.incidence.toarray() * g[:, None])
        matrix, right = laplacian[free][:, free], np.ascontiguousarray(-laplacian[free][:, sources].T)
        right = np.concatenate((right, np.eye(len(matrix))[:1]))
        upper = triu(csc_array(matrix), format="csc")
        upper.sort_indices()
        pattern = upper.indptr, upper.indices
        made = made or ReusedFactor(DenseCholesky(len(matrix), *pattern), *pattern)
        made.factor(upper.data, g)
        for found, true in zip(made.solve(right), np.linalg.solve(matrix, right.T).T, strict=True):
            np.testing.assert_allclose(found, true, rtol=0, atol=2e-7 * np.abs(true).max())
