"""What no design can be is refused with its reason, before and after the search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwlearn import ExactCircuit, Network, Task
from hwlearn.analysis.design.averages import averages_miss
from hwlearn.analysis.design.problem import Problem
from hwlearn.analysis.design.search import design
from hwlearn.circuits.drive import Drive
from hwlearn.errors import HwlearnError, ModelError

TASK = Task([[0.0, 1.0]], [[0.3, 0.6]])


def problem(task=TASK, inputs=("a", "b"), outputs=("s", "t"), **options):
    return Problem.of(task, inputs, outputs, nodes=6, edges=8, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": ("a", "a")}, "source 'V_a' is given twice"),
        ({"inputs": ("a", "0")}, "V_0"),
        ({"outputs": ("a", "t")}, "output 'a' is tied to an input"),
        ({"outputs": ("t", "t")}, "output 't' is given twice"),
        ({"outputs": ("t", "0")}, "output '0' is tied"),
        ({"candidates": [("a", "s"), ("s", "s")]}, "candidates: an edge from s to itself"),
    ],
)
def test_ports_and_candidates_that_no_circuit_has(options, words):
    with pytest.raises(HwlearnError, match=words):
        problem(**options)


def test_candidates_count_once_and_ground_has_one_name():
    pairs = [("a", "s"), ("s", "a"), ("s", "gnd"), ("t", "b"), ("s", "t"), ("x", "t")]
    found = problem(candidates=pairs)
    assert len(found.candidates) == 5
    assert "0" in found.nodes
    assert "gnd" not in found.nodes


@pytest.mark.parametrize(
    ("inputs", "targets", "missed"),
    [
        ([[0.0, 1.0]], [[0.3, 0.6]], 0.0),
        ([[0.0, 1.0]], [[1.3, 0.6]], 0.3 / np.sqrt(2)),  # beyond the inputs
        ([[0.0, 1.0], [0.0, 1.0]], [[0.3, 0.6], [0.5, 0.6]], 0.1 / np.sqrt(2)),  # two answers to one question
        ([[1.0, 1.0]], [[0.5, 1.0]], 0.5 / np.sqrt(2)),  # there is no ground
    ],
)
def test_what_averages_miss(inputs, targets, missed):
    assert averages_miss(problem(Task(inputs, targets))) == pytest.approx(missed, abs=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_no_circuit_comes_closer(seed):
    """Outputs of random circuits are averages; those of other targets are no closer than the least miss."""
    random = np.random.default_rng(seed)
    edges = [("a", "s"), ("b", "t"), ("s", "t"), ("a", "x"), ("x", "t"), ("x", "0"), ("b", "s")]
    network = Network.from_edges(edges, 10 ** random.uniform(-4, -2, len(edges)), inputs=["a", "b"], outputs=["s", "s,t"])
    inputs = random.uniform(-1, 1, (4, 2))
    with ExactCircuit(network) as circuit:
        outputs = circuit.measure(Drive(inputs)).output_voltages
    asked = {"outputs": ("s", "s,t"), "candidates": edges}
    assert averages_miss(small(Task(inputs, outputs), **asked)) < 1e-7
    targets = outputs + random.normal(size=outputs.shape)
    rms = np.sqrt(np.mean((outputs - targets) ** 2))
    assert averages_miss(small(Task(inputs, targets), **asked)) <= rms * (1 + 1e-9)


def small(task, **options):
    return Problem.of(task, ("a", "b"), nodes=6, edges=8, **options)


def test_a_search_without_success_tells_what_is_possible():
    contrary = Task([[0.0, 1.0], [0.0, 1.0]], [[0.3, 0.6], [0.5, 0.6]])
    with pytest.raises(ModelError, match=r"best averages miss them by 0.0707 V rms.* a loss above 0.005 V²"):
        design(problem(contrary, loss=1e-9), restarts=1)
    found = design(problem(contrary, loss=0.0051), restarts=1)
    assert found.course.reached
    with pytest.raises(ModelError, match="allow more edges, wider bounds"):
        design(problem(Task([[0.0, 1.0]], [[0.001, 0.999]]), bounds=(1e-3, 1.1e-3)), restarts=1)
