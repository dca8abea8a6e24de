"""Training in discrete time."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from hwlearn import (
    AdjointCoupledLearning,
    Circuit,
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    Network,
    Rule,
    Task,
    TrainState,
    train,
)
from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.errors import HwlearnError, HwlearnWarning, TaskError
from hwlearn.learning.optimizers import Adam, Momentum
from hwlearn.network.builders import kite, wheatstone
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import modified_nodal

START = [1, 1.5, 1.3, 1, 1, 1.7]
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


def jacobian(network: Network, g: Array, task: Task) -> Array:
    """J (n_out, E) by central differences of the dense solve."""
    columns = []
    for e in range(len(g)):
        step = np.zeros(len(g))
        step[e] = 1e-6
        up, down = (modified_nodal(network, g + sign * step, Drive(task.inputs)).output_voltages[0] for sign in (1, -1))
        columns.append((up - down) / 2e-6)
    return np.array(columns).T


def coercivity(network: Network, g: Array, task: Task) -> float:
    return float(np.linalg.svd(jacobian(network, g, task), compute_uv=False)[-1] ** 2)


def test_kite_reaches_the_published_coercivity_constant() -> None:
    circuit = ExactCircuit(kite(START))
    rule = EquilibriumPropagation(1e-3, symmetric=True)
    result = train(circuit, TASK, rule, steps=40_000, learning_rate=0.5, stop_loss=1e-26)
    assert result.stopped_because == "loss"
    assert coercivity(circuit.network, result.conductances, TASK) == pytest.approx(1.763295e-3, rel=1e-5)


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning])
def test_loss_decays_at_the_predicted_rate(rule: type[Rule]) -> None:
    network = wheatstone([1, 1.2, 0.8, 1.1, 2.0])
    task, alpha = Task([[1.0, 0.0]], [[0.7, 0.45]]), 0.2
    circuit = ExactCircuit(network)
    result = train(circuit, task, rule(1e-3, symmetric=True), steps=20_000, learning_rate=alpha, stop_loss=1e-20)
    J = jacobian(network, result.conductances, task)
    free = modified_nodal(network.with_conductances(result.conductances), result.conductances, Drive(np.zeros((1, 2))))
    assert not free.output_voltages.any()
    transfer = _port_resistance(network, result.conductances)
    matrix = {
        EquilibriumPropagation: J @ J.T,
        CoupledLearning: J @ J.T @ np.linalg.inv(transfer),
        AdjointCoupledLearning: np.linalg.inv(transfer) @ J @ J.T @ np.linalg.inv(transfer),
    }[rule]
    slowest = np.linalg.eigvals(matrix).real.min()
    tail = np.log(result.losses[-12:])
    assert np.polyfit(np.arange(len(tail)), tail, 1)[0] == pytest.approx(2 * np.log(1 - alpha * slowest), rel=0.01)


def _port_resistance(network: Network, g: Array) -> Array:
    from hwlearn import Inject

    count = len(network.outputs)
    return modified_nodal(network, g, Drive(np.zeros((count, 2)), Inject(np.eye(count)))).output_voltages.T


def test_result_tells_what_happened() -> None:
    circuit = ExactCircuit(kite(START))
    seen: list[TrainState] = []
    result = train(circuit, TASK, EquilibriumPropagation(), steps=5, learning_rate=0.5, callbacks=[seen.append])
    assert (result.steps, result.stopped_because, len(result.losses)) == (5, "steps", 6)
    assert [state.step for state in seen] == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal([state.loss for state in seen], result.losses)
    np.testing.assert_array_equal(result.conductances, circuit.conductances)
    error = modified_nodal(circuit.network, np.array(START), Drive(TASK.inputs)).output_voltages - TASK.targets
    assert result.losses[0] == pytest.approx(0.5 * (error**2).sum(), rel=1e-12)


def test_stops_by_callback_and_by_loss() -> None:
    circuit = ExactCircuit(kite(START))
    result = train(circuit, TASK, EquilibriumPropagation(), learning_rate=0.5, callbacks=[lambda state: state.step == 3])
    assert (result.steps, result.stopped_because) == (3, "callback")
    result = train(circuit, TASK, EquilibriumPropagation(), learning_rate=0.5, stop_loss=1e-3)
    assert result.stopped_because == "loss"
    assert result.losses[-1] <= 1e-3 < result.losses[-2]


def test_plain_step_is_alpha_times_direction_and_fixed_edges_stay() -> None:
    network = kite(START, trainable=["R1", "R5"])
    circuit, rule = ExactCircuit(network), EquilibriumPropagation(symmetric=True)
    direction = rule.direction(circuit, TASK)
    result = train(circuit, TASK, rule, steps=1, learning_rate=0.5)
    np.testing.assert_allclose(result.conductances, START + 0.5 * direction, rtol=1e-15)
    assert [k for k in range(6) if result.conductances[k] != START[k]] == [0, 4]


def test_log_conductance_descends_the_loss_in_log_g() -> None:
    circuit, rule = ExactCircuit(kite(START)), EquilibriumPropagation(symmetric=True)
    direction = rule.direction(circuit, TASK)
    result = train(circuit, TASK, rule, steps=1, learning_rate=0.5, parameter="log-conductance")
    expected = np.log(START) + 0.5 * np.array(START) * direction
    np.testing.assert_allclose(np.log(result.conductances), expected, rtol=0, atol=1e-14)


def test_momentum_and_adam_against_their_papers() -> None:
    directions = np.random.default_rng(0).normal(size=(6, 3))
    heavy, adam = Momentum(0.1), Adam(0.1)
    m, mean, square = np.zeros(3), np.zeros(3), np.zeros(3)
    for t, d in enumerate(directions, 1):
        m, mean, square = 0.9 * m + d, 0.9 * mean + 0.1 * d, 0.999 * square + 0.001 * d**2
        np.testing.assert_allclose(heavy.step(d), 0.1 * m)
        expected = 0.1 * (mean / (1 - 0.9**t)) / np.sqrt(square / (1 - 0.999**t))
        np.testing.assert_allclose(adam.step(d), expected, rtol=1e-6)


@pytest.mark.parametrize(("optimizer", "rate"), [("momentum", 0.1), ("adam", 0.01)])
def test_other_optimizers_learn(optimizer: str, rate: float) -> None:
    circuit = ExactCircuit(kite(START))
    result = train(circuit, TASK, CoupledLearning(symmetric=True), steps=2000, learning_rate=rate, optimizer=optimizer)
    assert result.losses[-1] < 1e-6 * result.losses[0]


def test_minibatches_are_seeded_and_cover_an_epoch() -> None:
    random = np.random.default_rng(3)
    task = Task(random.uniform(size=(10, 2)), random.uniform(size=(10, 2)))
    ends = [
        train(
            ExactCircuit(wheatstone()), task, EquilibriumPropagation(), steps=7, learning_rate=0.1, batch_size=3, seed=seed
        ).conductances
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])
    whole = train(ExactCircuit(wheatstone()), task, EquilibriumPropagation(symmetric=True), steps=1, learning_rate=0.1)
    once = train(
        ExactCircuit(wheatstone()), task, EquilibriumPropagation(symmetric=True), steps=1, learning_rate=0.1, batch_size=10
    )
    np.testing.assert_allclose(whole.conductances, once.conductances, rtol=1e-13)


def test_bounds_hold_and_clipping_everything_is_warned_of() -> None:
    network = kite(START, bounds=(0.5, 2.0))
    circuit = ExactCircuit(network)
    with pytest.warns(HwlearnWarning, match="every trainable edge at a bound"):
        result = train(circuit, TASK, EquilibriumPropagation(), steps=20, learning_rate=1e6)
    assert result.conductances.min() >= 0.5
    assert result.conductances.max() <= 2.0


class Failing(Measured):
    """Answers NaN output voltages from the n-th measurement on, as a broken instrument driver might."""

    def __init__(self, inside: Circuit, after: int) -> None:
        super().__init__(inside)
        self.left = after

    def measure(self, drive: Drive) -> Measurement:
        measured = super().measure(drive)
        self.left -= 1
        broken = np.nan if self.left < 0 else 1.0
        assert isinstance(measured, SampledMeasurement)
        return replace(measured, output_voltages=broken * measured.output_voltages)


def test_loss_that_turns_nan_keeps_the_last_good_conductances() -> None:
    circuit = Failing(ExactCircuit(kite(START)), after=7)
    reference = train(ExactCircuit(kite(START)), TASK, FullClamp(), steps=3, learning_rate=0.1)
    with pytest.warns(HwlearnWarning, match="last good"):
        result = train(circuit, TASK, FullClamp(), steps=50, learning_rate=0.1)
    assert (result.stopped_because, result.steps) == ("not finite", 3)
    np.testing.assert_allclose(result.conductances, reference.conductances, rtol=1e-12)
    np.testing.assert_array_equal(circuit.conductances, result.conductances)
    assert np.isfinite(result.losses).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": np.nan}, "learning_rate"),
        ({"learning_rate": 0.1, "steps": -1}, "steps"),
        ({"learning_rate": 0.1, "optimizer": "adma"}, "optimizer"),
        ({"learning_rate": 0.1, "parameter": "log"}, "parameter"),
        ({"learning_rate": 0.1, "batch_size": 2}, "batch_size"),
    ],
)
def test_bad_options(options: dict[str, object], word: str) -> None:
    with pytest.raises(HwlearnError, match=word):
        train(ExactCircuit(kite()), TASK, EquilibriumPropagation(), **options)  # type: ignore[arg-type]


def test_a_quantised_circuit_learns_from_what_it_realised() -> None:
    class Quantised(ExactCircuit):
        def _program(self, conductances: Array) -> Array:
            return super()._program(np.round(conductances * 256) / 256)

    circuit = Quantised(kite(START))
    result = train(circuit, TASK, CoupledLearning(symmetric=True), steps=300, learning_rate=0.5)
    np.testing.assert_array_equal(result.conductances * 256, np.round(result.conductances * 256))
    assert result.losses[-1] < 0.1 * result.losses[0]


def test_task_from_csv(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "task.csv"
    file.write_text('# measured\nva,vd,"T,M",W\n1,0,0.6,0.4\n0,1,0.3,0.2\n')
    task = Task.from_csv(file, ["VA", "VD"], ["W", "T,M"])
    np.testing.assert_array_equal(task.inputs, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(task.targets, [[0.4, 0.6], [0.2, 0.3]])
    for text, word in (
        ("va,w\n1,nan\n", r"task.csv:2: column 'w': 'nan'"),
        ("va,w\n1,2\n\n3,x\n", r"task.csv:4: column 'w': 'x'"),
        ("va,w\n1\n", r"task.csv:2: 1 values for 2 columns"),
        ("va,x\n1,2\n", r"task.csv:1: no column 'W'"),
        ("va,w\n", "one sample"),
    ):
        file.write_text(text)
        with pytest.raises(TaskError, match=word):
            Task.from_csv(file, ["VA"], ["W"])
    file.write_bytes(b"va,w\n1,\xff\n")
    with pytest.raises(TaskError, match="UTF-8"):
        Task.from_csv(file, ["VA"], ["W"])
    with pytest.raises(TaskError, match="no such file"):
        Task.from_csv(tmp_path / "none.csv", ["VA"], ["W"])


def test_bad_tasks() -> None:
    with pytest.raises(TaskError, match="2 samples of inputs, 1 of targets"):
        Task([[1], [2]], [[1]])
    with pytest.raises(TaskError, match=r"targets: sample 0, port 1 is nan"):
        Task([[1]], [[1, np.nan]])
    with pytest.raises(TaskError, match="no samples"):
        Task(np.empty((0, 1)), np.empty((0, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Task([1, 2], [3])) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("VA,W,va\n1,2,3\n", r":1: column 'VA' is given twice"),
        ('VA,W\n"1\n2",3\n', r":2: 1 values for 2 columns"),
        ("VA,W\n1,2\n3,nan\n", r":3: column 'W': 'nan' is not a finite number"),
        ("VA;W\n1;2\n", r":1: its columns are separated by semicolons"),
    ],
)
def test_bad_csv_names_the_line(tmp_path, text, error) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(TaskError, match=rf"bad\.csv{error}"):
        Task.from_csv(file, ["VA"], ["W"])
