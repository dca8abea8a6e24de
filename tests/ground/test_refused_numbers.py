"""Numbers that would be misread, or be drowned by rounding, are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwlearn import (
    CoupledLearning,
    Drive,
    EquilibriumPropagation,
    ExactCircuit,
    ImperfectCircuit,
    Network,
    NgspiceCircuit,
    Rule,
    Source,
    Task,
    train,
    train_many,
)
from hwlearn.circuits.imperfect import Tolerance
from hwlearn.errors import DriveError, HwlearnError, NetworkError, StationError, TaskError
from hwlearn.lab.station.tables import CodeTable
from hwlearn.learning.optimizers import Adam
from hwlearn.network.builders import crossbar, deep_resistive, delaunay, kite, random_regular
from hwlearn.network.initial import Initial

TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning])
@pytest.mark.parametrize("nudge", [1e-30, 1e-16, -1e-16, 1e12])
def test_nudges_that_cannot_be_measured(rule: type[Rule], nudge: float) -> None:
    with NgspiceCircuit(kite()) as circuit, pytest.raises(HwlearnError, match=r"cannot be measured.*give \S+ to \S+"):
        rule(nudge).direction(circuit, TASK)


@pytest.mark.parametrize("rule", [EquilibriumPropagation, CoupledLearning])
def test_the_smallest_nudge_is_measured(rule: type[Rule]) -> None:
    true = rule(symmetric=True).direction(ExactCircuit(kite()), TASK)
    with NgspiceCircuit(kite()) as circuit:
        direction = rule(1.01e-9 * rule().natural_nudge(kite())).direction(circuit, TASK)
    np.testing.assert_allclose(direction, true, rtol=0, atol=1e-4 * np.abs(true).max())


@pytest.mark.parametrize("size", [1e-160, 1e-165, 1e-200, 1e-310])
def test_adam_with_directions_below_the_squares_of_floats(size: float) -> None:
    adam = Adam(0.1)
    for _ in range(3):
        assert np.abs(adam.step(size * np.array([1.0, -0.5]))).max() <= 0.1


@pytest.mark.parametrize("kind", ["Current", "V", ""])
def test_kind_of_a_source(kind: str) -> None:
    with pytest.raises(NetworkError, match="'voltage' or 'current'"):
        Source("I1", kind, "a")  # type: ignore[arg-type]


def test_value_of_a_source() -> None:
    with pytest.raises(NetworkError, match="finite"):
        Source("V1", "voltage", "a", value=float("nan"))


def test_masks() -> None:
    edges = [("a", "b"), ("b", "0")]
    hidden = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    with pytest.raises(NetworkError, match="masked"):
        Network.from_edges(edges, hidden, inputs=["a"])
    with pytest.raises(NetworkError, match="masked"):
        Network.from_edges(edges, inputs=["a"], trainable=np.ma.masked_array([True, True], mask=[False, True]))
    network = Network.from_edges(edges, inputs=["a"], outputs=["b"])
    with pytest.raises(NetworkError, match="masked"):
        network.with_conductances(hidden)
    with pytest.raises(NetworkError, match="masked"):
        ExactCircuit(network).program(hidden)
    with pytest.raises(NetworkError, match="masked"):
        train_many(network, Task([[1.0]], [[0.5]]), EquilibriumPropagation(), conductances=hidden, steps=1, learning_rate=1.0)
    for values in (np.ma.masked_array([[1.0]], mask=[[True]]), [np.ma.masked_array([1.0], mask=[True])]):
        with pytest.raises(DriveError, match="masked"):
            Drive(values)
        with pytest.raises(TaskError, match="masked"):
            Task(values, [[1.0]])


@pytest.mark.parametrize("cell", ["1_000", "1_0.5", "１２"])
def test_numbers_that_only_python_reads(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "task.csv"
    path.write_text(f"a,b\n{cell},1\n", encoding="utf-8")
    with pytest.raises(TaskError, match=r"task\.csv:2"):
        Task.from_csv(path, ["a"], ["b"])
    for line in (f"0,{cell}", f"{cell},100"):
        path.write_text(f"code,ohm\n{line}\n", encoding="utf-8")
        with pytest.raises(StationError, match=r"task\.csv:2"):
            CodeTable.from_csv(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conductances": "1k"}, "conductances: could not convert"),
        ({"conductances": 1 + 0j}, "conductances: .*complex"),
        ({"conductances": [1.0, [2.0, 3.0]]}, "conductances: "),
        ({"conductances": 10**400}, "conductances: "),
        ({"bounds": 1e-3}, r"bounds are 0\.001; give the lower and the upper ones"),
        ({"bounds": (1e-6, 1e-3, 1.0)}, "give the lower and the upper ones"),
        ({"bounds": ("low", 1.0)}, "lower bounds: could not convert"),
        ({"trainable": 5}, "trainable is 5; give patterns of names, or a mask"),
    ],
)
def test_arguments_of_networks_that_are_no_numbers(options: dict[str, Any], words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        Network.from_edges([("a", "b"), ("b", "c")], inputs=["a", "c"], outputs=["b"], **options)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", True])
def test_seeds_are_whole_numbers(seed: Any) -> None:
    labelled = Task.classification([[0.0], [1.0], [2.0], [3.0]], list("abab"))
    for seeded in (
        lambda: train(ExactCircuit(kite()), TASK, EquilibriumPropagation(), steps=1, seed=seed, learning_rate=0.1),
        lambda: labelled.split(test=0.5, seed=seed),
        lambda: crossbar(2, 2, seed=seed),
        lambda: deep_resistive([2, 2], seed=seed),
        lambda: delaunay(9, seed=seed),
        lambda: random_regular(3, 8, seed=seed),
        lambda: Initial("uniform", 1.0, 2.0, seed=seed)(kite()),
        lambda: ImperfectCircuit(ExactCircuit(kite()), Tolerance(0.1), seed=seed),
    ):
        with pytest.raises(HwlearnError, match=r"seed is .*; it must be a whole number, 0 or more"):
            seeded()


@pytest.mark.parametrize("gain", [0, -1.0, float("nan"), float("inf"), "x", None])
def test_a_gain_amplifies(gain):
    with pytest.raises(NetworkError, match=r"gain is .*; it must be a positive number"):
        deep_resistive([2, 2], gain=gain)
