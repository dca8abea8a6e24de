"""Every Cholesky gives the solution of a dense solve; the choice follows size and fill."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array, triu

from hwlearn import Drive, Inject
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.kernels import added_column_products, added_product, added_products, solved, solved_publicly
from hwlearn.circuits.linalg import Cholesky, Cholmod, DenseCholesky, QdldlCholesky, choose_cholesky
from hwlearn.errors import SimulationError
from hwlearn.network import Network
from hwlearn.network.builders import crossbar, grid, layered, random_regular


def reduced(network: Network) -> np.ndarray:
    free = np.flatnonzero(network.merging.cluster >= 0)
    return (network.incidence.T @ (network.incidence.toarray() * network.conductances[:, None]))[np.ix_(free, free)]


@pytest.mark.parametrize("kind", [DenseCholesky, QdldlCholesky, Cholmod])
@settings(max_examples=25)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 1000))
def test_solves(kind: type[Cholesky], rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    network = grid(rows, columns, inputs=["n0_0"])
    made: Cholesky | None = None
    for _ in range(3):  # the pattern is analysed once, the numbers change
        matrix = reduced(network.with_conductances(10 ** random.uniform(-4, -2, len(network.edges))))
        upper = triu(csc_array(matrix), format="csc")
        upper.sort_indices()
        made = made or kind(len(matrix), upper.indptr, upper.indices)
        right = random.normal(size=(3, len(matrix)))
        before = right.copy()
        made.factor(upper.data)
        np.testing.assert_allclose(made.solve(right), np.linalg.solve(matrix, right.T).T, rtol=1e-9)
        np.testing.assert_array_equal(right, before)


def test_choice_by_size_and_fill() -> None:
    def chosen(network: Network) -> str:
        return ExactCircuit(network).solver

    assert chosen(grid(2, 3)) == "LAPACK"
    assert chosen(grid(20, 20)) == "qdldl"
    assert chosen(grid(70, 70)) == "CHOLMOD"
    assert chosen(layered([150, 150, 150])) == "LAPACK"
    assert chosen(random_regular(4, 1000)) == "CHOLMOD"
    assert chosen(random_regular(10, 300)) == "CHOLMOD"
    assert chosen(random_regular(4, 60)) == "qdldl"
    assert chosen(crossbar(5, 3)) == "diagonal"
    assert chosen(grid(1, 2)) == "diagonal"


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_crossbars_are_right_whatever_the_decades(seed: int) -> None:
    """Each output is a mean of the inputs, weighted by its conductances: here in fractions."""
    random = np.random.default_rng(seed)
    network = Network.from_edges([(f"x{k}", node) for k in range(4) for node in "pq"], inputs=[f"x{k}" for k in range(4)])
    circuit, inputs = ExactCircuit(network), random.normal(size=(1, 4))
    for _ in range(2):
        conductances = 10 ** random.uniform(-150, 100, 8)
        circuit.program(conductances)
        weights, values = ([Fraction(x) for x in array] for array in (conductances.tolist(), inputs[0].tolist()))
        found = circuit.measure(Drive(inputs)).node_voltages[0]
        for side, node in enumerate("pq"):
            own = weights[side::2]
            expected = float(sum(g * x for g, x in zip(own, values, strict=True)) / sum(own))
            assert abs(found[network.node_index[node]] - expected) <= 1e-15 * np.abs(inputs).max()


def test_not_positive_definite_is_refused() -> None:
    indptr, indices = np.array([0, 1, 3]), np.array([0, 0, 1])
    for kind in (DenseCholesky, Cholmod):
        with pytest.raises(SimulationError, match="singular"):
            kind(2, indptr, indices).factor(np.array([1.0, -2.0, 1.0]))


def test_no_unknowns() -> None:
    network = Network.from_edges([("a", "0"), ("a", "b")], inputs=["a", "b"])
    measured = ExactCircuit(network).measure(Drive([[1.0, 3.0]]))
    np.testing.assert_allclose(measured.input_currents, [[1 - 2, 2]])
    choose_cholesky(0, np.zeros(1, dtype=int), np.zeros(0, dtype=int)).solve(np.zeros((2, 0)))


def test_without_any_source() -> None:
    network = Network.from_edges([("a", "0"), ("a", "b"), ("b", "0")], [1.0, 2.0, 3.0], inputs=[], outputs=["a"])
    measured = ExactCircuit(network).measure(Drive(np.zeros((1, 0)), Inject([[1.0]])))
    np.testing.assert_allclose(measured.output_voltages, [[1 / (1 + 1 / (1 / 2 + 1 / 3))]], rtol=1e-14)


def test_without_scipys_kernels_products_are_the_same():
    random = np.random.default_rng(0)
    matrix = csr_array(random.uniform(size=(5, 7)) * (random.uniform(size=(5, 7)) > 0.5))
    x, y = random.uniform(size=7), random.uniform(size=5)
    expected = y + matrix.toarray() @ x
    added_product(5, 7, matrix.indptr, matrix.indices, matrix.data, x, y)
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    many, result = random.uniform(size=(7, 3)), random.uniform(size=(5, 3))
    expected = result + matrix.toarray() @ many
    added_products(5, 7, 3, matrix.indptr, matrix.indices, matrix.data, many.reshape(-1), result.reshape(-1))
    np.testing.assert_allclose(result, expected, rtol=1e-14)
    expected = result + matrix.toarray() @ many
    columns = matrix.tocsc()
    added_column_products(5, 7, 3, columns.indptr, columns.indices, columns.data, many.reshape(-1), result.reshape(-1))
    np.testing.assert_allclose(result, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_small_systems(dtype):
    random = np.random.default_rng(0)
    matrices, x = random.integers(-9, 9, (5, 4, 4)).astype(dtype), random.integers(-9, 9, (5, 4)).astype(dtype)
    right = np.einsum("sij,sj->si", matrices, x)  # of integers, so it is exact
    for solve in (solved, solved_publicly):
        found = solve(matrices, right)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, x, rtol=0, atol=1e3 * np.finfo(dtype).eps)


def test_a_singular_system_has_no_solution_and_no_warning():
    matrices, right = np.stack((np.eye(2), np.zeros((2, 2)))), np.ones((2, 2))
    assert solved(matrices, right).tolist()[0] == [1.0, 1.0]
    assert np.isnan(solved(matrices, right)[1]).all()
    assert np.isnan(solved_publicly(matrices, right)).all()
