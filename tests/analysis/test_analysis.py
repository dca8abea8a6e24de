"""Jacobian, coercivity, structure, feasibility and genericity against finite differences, dense SVD and networkx."""

import warnings

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import problems
from numpy.typing import NDArray

from hwlearn import Drive, EquilibriumPropagation, ExactCircuit, Inject, Network, Source, Task, analyze, flow, train
from hwlearn.analysis import manifold as manifold_module
from hwlearn.analysis import parts as parts_module
from hwlearn.analysis.blocks import blocks
from hwlearn.analysis.coercivity import coercivity, in_words
from hwlearn.analysis.convergence import compare, fit_decay, mass
from hwlearn.analysis.feasibility import feasibility
from hwlearn.analysis.genericity import genericity
from hwlearn.analysis.jacobian import Jacobian, jacobian, take
from hwlearn.analysis.manifold import distance, project
from hwlearn.analysis.structure import structure
from hwlearn.errors import HwlearnError, HwlearnWarning, ModelError, SimulationError
from hwlearn.network import Element
from hwlearn.network.builders import crossbar, grid, kite, wheatstone
from hwlearn.testing.nodal import modified_nodal

START = [1, 1.5, 1.3, 1, 1, 1.7]
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def differences(network: Network, task: Task) -> NDArray[np.float64]:
    """(S·n_out, E) by central differences of the dense solve, extrapolated."""
    g = network.conductances
    columns = []
    for e in range(len(g)):
        slopes = []
        for step in (2e-3 * g[e], 1e-3 * g[e]):
            shift = np.zeros(len(g))
            shift[e] = step
            up, down = (modified_nodal(network, g + s * shift, Drive(task.inputs)).output_voltages for s in (1, -1))
            slopes.append((up - down).ravel() / (2 * step))
        columns.append((4 * slopes[1] - slopes[0]) / 3)
    return np.array(columns).T


def resistance(network: Network) -> NDArray[np.float64]:
    count = len(network.outputs)
    rest = np.zeros((count, len(network.inputs)))
    volts = [
        modified_nodal(network, network.conductances, Drive(rest, Inject(current))).output_voltages
        for current in (np.eye(count), np.zeros((count, count)))
    ]
    return (volts[0] - volts[1]).T


@settings(max_examples=30)
@given(problems(fixed_edges=True))
def test_jacobian_and_spectra(problem: tuple[Network, Task]) -> None:
    network, task = problem
    found = jacobian(network, task)
    true = differences(network, task) * network.trainable
    size = max(np.abs(true).max(), 1e-2 / network.conductances.max())
    np.testing.assert_allclose(found.matrix(), true, rtol=0, atol=1e-6 * size)
    assert found.shape == true.shape

    random = np.random.default_rng(0)
    change, error = random.normal(size=true.shape[1]), random.normal(size=true.shape[0])
    operator, dense = found.operator(), found.matrix()
    scale = max(np.abs(dense).max(), 1e-300)
    np.testing.assert_allclose(operator.matvec(change), dense @ change, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(operator.rmatvec(error), dense.T @ error, rtol=0, atol=1e-11 * scale)

    result = coercivity(found)
    weight = np.linalg.inv(resistance(network))
    whole = np.kron(np.eye(len(task)), weight)
    for rule, matrix in (("ep", dense @ dense.T), ("cl", dense @ dense.T @ whole), ("al", whole @ dense @ dense.T @ whole)):
        expected = np.sort(np.linalg.eigvals(matrix / len(task)).real)[::-1][: result.constraints]
        nothing = (found.rounding * max(1.0, np.linalg.norm(weight, 2))) ** 2
        atol = 1e-9 * np.abs(expected).max() + nothing
        np.testing.assert_allclose(result.spectra[rule].eigenvalues, expected, rtol=1e-6, atol=atol)
    sizes = np.linalg.svd(dense, compute_uv=False)
    assert result.rank == (sizes > max(1e-9 * sizes.max(), found.rounding)).sum()
    assert (found.rounding < 1e-8 * sizes.max()) or np.abs(true).max() < 1e-6 * size
    for direction in result.directions:
        assert np.abs(dense.T @ direction.ravel()).max() <= 1e-7 * scale + found.rounding
    assert result.rank <= structure(network).rank_bound(min(len(task), np.linalg.matrix_rank(found.weights)))


@pytest.mark.parametrize("fixed", [False, True])
def test_samples_that_are_combinations_of_few_take_as_many_columns(fixed: bool) -> None:
    random, count = np.random.default_rng(3), 5
    edges = [("a", "h"), ("b", "h"), ("c", "k"), ("d", "k"), ("h", "k"), ("h", "p"), ("k", "p"), ("p", "0"), ("e", "h")]
    conductances = 10 ** random.uniform(-1, 1, len(edges))
    more = {"fixed_sources": [Source("V9", "voltage", "e", "0", 0.3)]} if fixed else {}
    network = Network.from_edges(
        edges, conductances, inputs=["a", "b", "c", "I(d)", *([] if fixed else ["e"])], outputs=["p", "h,k"], **more
    )
    weights = random.normal(size=(7, count - 3)) / 3
    if fixed:
        weights[:, 0] = 1 - weights[:, 1]  # the fixed source is the same in all
    inputs = weights @ random.normal(size=(count - 3, len(network.inputs)))
    task = Task(inputs, random.normal(size=(7, 2)))
    found = jacobian(network, task)
    assert found.source_drops.shape == (len(edges), count - 3)
    truth = modified_nodal(network, network.conductances, Drive(inputs))
    assert found.outputs == pytest.approx(truth.output_voltages, abs=1e-12)
    assert found.volts == pytest.approx(np.abs(truth.node_voltages).max(), rel=1e-9)
    assert found.matrix() == pytest.approx(differences(network, task), abs=1e-8)
    mixing, rows = found.independent()
    assert np.kron(mixing, np.eye(2)) @ rows == pytest.approx(found.matrix(), abs=1e-12)


def test_a_sample_that_is_almost_a_combination_keeps_its_outputs() -> None:
    network = crossbar(4, 2, rails=(0.0, 1.0), seed=0)
    random = np.random.default_rng(0)
    for apart in (1e-6, 1e-10, 1e-12):
        inputs = np.tile(random.normal(size=len(network.inputs)), (2, 1))
        inputs[1, 0] += apart
        outputs = jacobian(network, Task(inputs, np.zeros((2, 2)))).outputs
        truth = modified_nodal(network, network.conductances, Drive(inputs)).output_voltages
        assert outputs[1] - outputs[0] == pytest.approx(truth[1] - truth[0], abs=1e-14)


@pytest.mark.parametrize("asked", [0.0, 1.0])
def test_without_any_voltage_nothing_can_be_learned(asked: float) -> None:
    found = analyze(
        grid(3, 3, inputs=["n0_0", "n2_2"], outputs=["n1_1", "n2_0"]), Task(np.zeros((3, 2)), np.full((3, 2), asked))
    )
    assert found.solution.rank == 0
    assert found.feasibility.reachable == (asked == 0)


def test_kite_reference_numbers() -> None:
    for delta, constant in ((0.1, 1.765135e-3), (0.05, 4.27246e-4)):
        task = Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]])
        circuit = ExactCircuit(kite(START))
        rule = EquilibriumPropagation(1e-3, symmetric=True)
        end = flow(circuit, task, rule, 1e6, stop_loss=1e-24, rtol=1e-9).conductances
        assert coercivity(jacobian(circuit.network, task, end)).constant == pytest.approx(constant, rel=5e-5)
    symmetric = coercivity(jacobian(kite(), Task([[1.0, 0.0]], [[0.5, 0.5, 0.5]])))
    assert (symmetric.rank, symmetric.constraints, symmetric.coercive, symmetric.constant) == (2, 3, False, 0.0)
    assert in_words(symmetric.directions[0], ("T", "M", "W")) == "0.5 T − 1 M + 0.5 W"
    assert coercivity(jacobian(wheatstone(), Task([[1.0, 0.0]], [[0.5, 0.5]]))).coercive


def test_prediction_meets_a_run() -> None:
    circuit = ExactCircuit(wheatstone([1, 1.2, 0.8, 1.1, 2.0]))
    task = Task([[1.0, 0.0]], [[0.7, 0.45]])
    spectrum = coercivity(project(circuit.network, task).jacobian).spectra["ep"]
    rule, rate = EquilibriumPropagation(symmetric=True), spectrum.best_step / 2
    run = train(circuit, task, rule, steps=3000, learning_rate=rate, stop_loss=1e-26)
    found = compare(circuit.network, task, "ep", run.conductances, run.losses, learning_rate=rate)
    assert found.decay.steady
    assert found.ratio == pytest.approx(1, rel=0.01)
    circuit.program(circuit.network.conductances)
    times = np.linspace(0, 16 / found.predicted, 300)
    result = flow(circuit, task, rule, times[-1], rtol=1e-11, t_eval=times)
    again = compare(circuit.network, task, "ep", result.conductances, result.losses, times=times, floor=1e-14)
    assert again.ratio == pytest.approx(1, rel=0.01)


@pytest.mark.filterwarnings("ignore:.*the loss grew")  # above the limit
def test_the_largest_stable_step() -> None:
    circuit = ExactCircuit(kite(START))
    rule = EquilibriumPropagation(symmetric=True)
    solution = train(circuit, TASK, rule, steps=30_000, learning_rate=4.0, stop_loss=1e-26).conductances
    limit = coercivity(jacobian(circuit.network, TASK, solution)).spectra["ep"].max_step
    rng = np.random.default_rng(0)
    start = solution * (1 + 1e-6 * rng.normal(size=6))
    losses = []
    for factor in (0.95, 1.05):
        circuit.program(start)
        with warnings.catch_warnings():  # above the limit the loss grows, which is told
            warnings.simplefilter("ignore", HwlearnWarning)
            losses.append(train(circuit, TASK, rule, steps=60, learning_rate=factor * limit).losses)
    assert losses[0][-1] < losses[0][0]
    assert losses[1][-1] > 100 * losses[1][0]


def test_active_modes_and_what_is_stuck() -> None:
    network = kite()  # symmetric: an antisymmetric error never meets the missing direction
    along = coercivity(jacobian(network, Task([[1.0, 0.0]], [[0.51, 0.5, 0.49]]))).spectra["ep"]
    assert along.stuck == pytest.approx(0, abs=1e-6)
    across = coercivity(jacobian(network, Task([[1.0, 0.0]], [[0.5, 0.51, 0.5]]))).spectra["ep"]
    assert across.stuck == pytest.approx(np.sqrt(2 / 3), rel=1e-9)  # (0,1,0) on (1,−2,1)/√6
    assert across.slowest == 0
    assert across.observed > 0


def test_lanczos_gives_the_ends_of_the_dense_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    network = grid(5, 5, random.uniform(0.5, 2, 40), outputs=[f"n{i}_{j}" for i in (1, 2, 3) for j in (1, 2, 3)])
    task = Task(random.uniform(size=(1, 2)), random.uniform(size=(1, 9)))
    found = jacobian(network, task)
    dense = coercivity(found)
    monkeypatch.setattr(parts_module, "DENSE_ENTRIES", 1)
    monkeypatch.setattr(parts_module, "DENSE_ROWS", 1)
    ends = coercivity(found)
    assert ends.partial
    assert not dense.partial
    assert ends.singular_values[0] == pytest.approx(dense.singular_values[0], rel=1e-8)
    assert ends.singular_values[-1] == pytest.approx(dense.singular_values[-1], rel=1e-5)
    assert ends.rank == dense.rank
    for rule, spectrum in dense.spectra.items():
        assert ends.spectra[rule].mean == pytest.approx(float(spectrum.eigenvalues.mean()))


def test_outputs_apart_and_edges_block_by_block_give_the_dense_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    network = crossbar(4, 3, rails=(0.0, 1.0), seed=1)
    task = Task(random.uniform(size=(7, 4)), random.uniform(-0.5, 0.5, size=(7, 3)))
    found = jacobian(network, task)
    monkeypatch.setattr(parts_module, "DENSE_ENTRIES", 8)
    spectra = coercivity(found).spectra
    assert [part.outputs.tolist() for part in parts_module.parts(found)[1]] == [[0], [1], [2]]
    inverse = np.linalg.inv(found.resistance)
    whole, error = found.matrix(), (found.outputs - found.targets).ravel()
    for rule, weight in {"ep": np.eye(3), "cl": inverse, "al": inverse @ inverse}.items():
        rates = np.linalg.eigvals(whole @ whole.T @ np.kron(np.eye(7), weight)).real
        rates = np.sort(rates)[::-1][: len(spectra[rule].eigenvalues)] / 7
        assert spectra[rule].eigenvalues == pytest.approx(rates, rel=1e-6)
        half = np.kron(np.eye(7), np.linalg.cholesky(weight).T)
        stuck = np.linalg.lstsq(half @ whole, half @ error, rcond=1e-9)[0]
        assert spectra[rule].stuck == pytest.approx(
            np.linalg.norm(half @ (error - whole @ stuck)) / np.linalg.norm(half @ error), abs=1e-9
        )


def test_targets_that_contradict_each_other_are_told_with_the_least_error() -> None:
    """Three samples of two inputs: the third is the sum of the others, its target is not."""
    network = grid(3, 3, outputs=["n1_1", "n0_1"])
    task = Task([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[0.5, 0.5], [0.5, 0.5], [0.7, 1.0]])
    found = feasibility(network, task)
    assert not found.reachable
    assert "3 samples are combinations of 2" in found.reasons[-1]
    least = float(found.reasons[-1].rsplit("nearer than ")[1].split()[0])
    assert least == pytest.approx(0.3 / np.sqrt(3) / np.sqrt(6), rel=1e-3)
    assert found.nearest.rms >= least * (1 - 1e-3)


@settings(max_examples=200)
@given(st.integers(2, 9), st.data())
def test_blocks_are_those_of_networkx(nodes: int, data: st.DataObject) -> None:
    pairs = [(data.draw(st.integers(0, k - 1)), k) for k in range(1, nodes)]
    pairs += data.draw(st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=14))
    tails, heads = np.array(pairs).T
    label = blocks(tails, heads, nodes)
    graph = networkx.Graph((a, b) for a, b in pairs if a != b)
    expected = {}
    for k, block in enumerate(networkx.biconnected_component_edges(graph)):
        expected.update({frozenset(pair): k for pair in block})
    mine = {}
    for (a, b), number in zip(pairs, label.tolist(), strict=True):
        if a == b:
            assert number == -1
        else:
            assert mine.setdefault(frozenset((a, b)), number) == number
    assert len({(mine[pair], expected[pair]) for pair in expected}) == len(set(mine.values())) == len(set(expected.values()))


@settings(max_examples=60)
@given(problems())
def test_dead_edges_are_those_without_drop(problem: tuple[Network, Task]) -> None:
    network, _ = problem
    random = np.random.default_rng(0)
    drops = np.zeros(len(network.edges))
    values = random.uniform(0.5, 1, (3, len(network.inputs)))
    for row in values:  # generic conductances and sources: a live edge has a drop with probability one
        fixed = [Source(s.name, s.kind, s.plus, s.minus, random.uniform(0.5, 1)) for s in network.fixed_sources]
        other = Network.from_edges(
            [edge[:2] for edge in network.edges],
            random.uniform(0.5, 2, len(network.edges)),
            inputs=network.inputs,
            fixed_sources=fixed,
            outputs=network.outputs,
        )
        drops = np.maximum(drops, np.abs(ExactCircuit(other).measure(Drive(row[None])).edge_drops()[0]))
    loops = network.tails == network.heads
    np.testing.assert_array_equal(structure(network).live[~loops], (drops > 1e-9)[~loops])


def test_structure_in_words() -> None:
    network = Network.from_edges(
        [("A", "T"), ("D", "T"), ("T", "M"), ("M", "W"), ("A", "X"), ("X", "D")],
        inputs=["A", "D"],
        outputs=["T", "M", "W", "X", "M,W"],
        trainable=["R1", "R2", "R3", "R5"],
    )
    found = structure(network)
    np.testing.assert_array_equal(found.live, [True, True, False, False, True, True])
    np.testing.assert_array_equal(found.useful, [True, True, False, False, True, False])
    assert [[port.name for port in group] for group in found.tied] == [["T", "M", "W"], ["X"]]
    assert [port.name for port in found.fixed] == ["M,W"]
    assert found.rank_bound(1) == 2
    assert found.rank_bound(7) == 3


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([0.5, 0.4], "outputs T and M are always equal"),
        ([1.2, 1.2], "output T of sample 0: 1.2 V lies outside 0 … 1 V"),
        ([-0.1, -0.1], "maximum principle"),
    ],
)
def test_unreachable_targets_are_called_so(targets: list[float], words: str) -> None:
    network = Network.from_edges([("A", "T"), ("D", "T"), ("T", "M")], inputs=["A", "D"], outputs=["T", "M"])
    result = feasibility(network, Task([[1.0, 0.0]], [targets]))
    assert not result.reachable
    assert any(words in reason for reason in result.reasons)


def test_unreachable_within_bounds_and_fixed_outputs() -> None:
    network = Network.from_edges([("A", "T"), ("D", "T")], inputs=["A", "D"], outputs=["T"], bounds=(0.5, 2.0))
    result = feasibility(network, Task([[1.0, 0.0]], [[0.95]]))
    assert not result.reachable
    assert "no search met them; wider bounds" in result.reasons[0]
    assert result.nearest.rms == pytest.approx(0.15, rel=1e-6)
    shifted = Network.from_edges([("A", "T"), ("T", "D"), ("T", "X")], inputs=["A", "D"], outputs=["T", "T,X"])
    result = feasibility(shifted, Task([[1.0, 0.0]], [[0.4, 0.1]]))
    assert "output T,X is fixed by the sources" in result.reasons[0]


@given(problems())
def test_reachable_targets_are_found(problem: tuple[Network, Task]) -> None:
    network, task = problem
    random = np.random.default_rng(len(network.edges))
    reached = ExactCircuit(
        network.with_conductances(network.conductances * 10 ** random.uniform(-0.5, 0.5, len(network.edges)))
    )
    result = feasibility(network, Task(task.inputs, reached.measure(Drive(task.inputs)).output_voltages))
    assert result.reachable, result.reasons


def test_projection_and_distance() -> None:
    network = kite(START)
    found = project(network, TASK)
    true = modified_nodal(network, found.conductances, Drive(TASK.inputs)).output_voltages
    np.testing.assert_allclose(true, TASK.targets, rtol=0, atol=1e-9)
    near = found.conductances + 1e-6 * jacobian(network, TASK, found.conductances).matrix()[0]
    expected = 1e-6 * np.linalg.norm(jacobian(network, TASK, found.conductances).matrix()[0])
    assert distance(network, TASK, near) == pytest.approx(expected, rel=1e-3)


def test_random_targets_are_generic() -> None:
    for kind in ("outputs", "directions"):
        result = genericity(kite(START), [[1.0, 0.0]], 60, targets=kind)  # type: ignore[arg-type]
        assert (result.degenerate, result.missed, len(result.constants)) == (0, 0, 60)
        assert result.constants.min() > 0


def test_decays_are_fitted_in_their_own_window() -> None:
    t = np.linspace(0, 40, 400)
    two = np.exp(-2 * 0.5 * t) + 30 * np.exp(-2 * 3.0 * t)
    decay = fit_decay(two + 1e-30, t)
    assert decay.mode() == pytest.approx(0.5, rel=1e-3)
    assert decay.steady
    assert decay.start > 0
    noisy = np.maximum(np.exp(-2 * 0.5 * np.linspace(0, 100, 1000)), 1e-23)
    assert fit_decay(noisy, np.linspace(0, 100, 1000)).mode() == pytest.approx(0.5, rel=1e-6)
    steps = (1 - 0.1 * 0.7) ** (2 * np.arange(200))
    assert fit_decay(steps).mode(0.1) == pytest.approx(0.7, rel=1e-9)
    assert not fit_decay(1 / (1 + np.arange(300.0))).steady
    with pytest.raises(HwlearnError, match="run longer"):
        fit_decay([1.0, 0.5])
    assert mass([[3.0, 4.0]]) == pytest.approx([12.5])


def test_analysis_says_what_to_do() -> None:
    good = analyze(kite(START), TASK)
    report = good.as_dict()
    assert (report["rank"], report["constraints"], report["coercive"], report["reachable"]) == (3, 3, True, True)
    assert report["mass"] == pytest.approx(9.83 / 2)
    assert set(report["rates"]) == {"ep", "cl", "al"}
    assert any("steps for each factor of ten" in line for line in report["advice"])
    bad = analyze(kite(), Task([[1.0, 0.0]], [[0.5, 0.5, 0.5]]))
    assert not bad.as_dict()["coercive"]
    assert "Move the target off the symmetry" in " ".join(bad.advice())
    many = analyze(kite(START), Task([[1.0, 0.0], [2.0, 0.0]], [[0.6, 0.5, 0.4], [1.2, 1.0, 0.8]]))
    assert many.solution.constraints == 3
    assert "combinations of 1 independent" in " ".join(many.advice())


def test_nonlinear_networks_are_refused() -> None:
    diode = Element("D1", "d1 t 0 dmod", ("t", "0"), "x.cir:3")
    network = Network.from_edges(
        [("a", "t")], inputs=["a"], outputs=["t"], elements=[diode], directives=[".model dmod d(is=1e-14)"]
    )
    with pytest.raises(ModelError, match=r"x.cir:3"):
        analyze(network, Task([[1.0]], [[0.5]]))


def test_a_step_to_where_the_model_cannot_answer_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a 100×100 grid edges came too many decades apart for right voltages, and `analyze` ended there."""
    network, task = kite([1, 1.5, 1.3, 1, 1, 1.7]), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
    asked = []

    def answers(circuit: ExactCircuit, task: Task) -> Jacobian:
        asked.append(circuit.conductances.copy())
        if len(asked) in (2, 3):
            raise SimulationError("too many decades apart")
        return take(circuit, task)

    monkeypatch.setattr(manifold_module, "take", answers)
    found = project(network, task)
    assert found.reached
    far, nearer, used = (np.linalg.norm(np.log(g / asked[0])) for g in asked[1:4])
    assert far > nearer > used
