"""Arguments of the wrong kind are refused in one line that says what to pass, before anything is measured."""

import numpy as np
import pytest

from hwlearn import (
    CoupledLearning,
    CrossEntropy,
    EquilibriumPropagation,
    ExactCircuit,
    Hinge,
    Network,
    SquaredError,
    Task,
    analyze,
    evaluate,
    flow,
    predict,
    train,
    train_many,
)
from hwlearn.errors import DriveError, HwlearnError, TaskError
from hwlearn.network.builders import kite

NETWORK = kite([1, 1.5, 1.3, 1, 1, 1.7])
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])
RULE = EquilibriumPropagation()
DIODE = "* diode\nVin a 0 1\nR1 a m 1k\nD1 m 0 dmod\n.model dmod d\n.end\n"


def lines(call, kind=HwlearnError):
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def nonlinear(tmp_path):
    (tmp_path / "diode.cir").write_text(DIODE)
    return Network.from_netlist(tmp_path / "diode.cir", inputs=["Vin"], outputs=["m"])


@pytest.mark.parametrize("learn", [lambda *a: train(*a, learning_rate=0.1), lambda *a: flow(*a, 1.0)])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((NETWORK, TASK, RULE), "pass ExactCircuit(network)"),
        ((ExactCircuit, TASK, RULE), "pass ExactCircuit(network)"),
        ((None, TASK, RULE), "circuit is None: pass a Circuit"),
        ((ExactCircuit(NETWORK), ([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), RULE), "pass Task(inputs, targets)"),
        ((ExactCircuit(NETWORK), TASK, "ep"), "'ep': pass the rule itself, EquilibriumPropagation()"),
        ((ExactCircuit(NETWORK), TASK, "epp"), "rule is 'epp': pass a Rule"),
        ((ExactCircuit(NETWORK), TASK, CoupledLearning), "pass CoupledLearning()"),
        ((ExactCircuit(NETWORK), TASK, np.zeros((99, 99))), "rule is a ndarray: pass a Rule"),
    ],
)
def test_what_is_no_circuit_no_task_and_no_rule(learn, given, words):
    assert words in lines(lambda: learn(*given))


def test_a_nonlinear_network_is_told_of_its_circuit(nonlinear):
    assert "pass NewtonCircuit(network)" in lines(lambda: train(nonlinear, TASK, RULE, learning_rate=0.1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 10.0}, "steps is 10.0; it must be a whole number: pass 10"),
        ({"steps": 10.5}, "steps is 10.5; it must be a whole number"),
        ({"steps": "10"}, "steps is '10'; it must be a whole number"),
        ({"steps": True}, "steps is True"),
        ({"steps": -1}, "steps is -1; it must be 0 or more"),
        ({"batch_size": 1.0}, "batch_size is 1.0; it must be a whole number: pass 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2}, "batch_size is 2; it must be between 1 and the 1 samples"),
    ],
)
def test_numbers_that_are_no_counts(options, words):
    with ExactCircuit(NETWORK) as circuit:
        assert words in lines(lambda: train(circuit, TASK, RULE, learning_rate=0.1, **options))
        assert (circuit.conductances == NETWORK.conductances).all()


def test_counts_may_be_of_numpy():
    with ExactCircuit(NETWORK) as circuit:
        assert train(circuit, TASK, RULE, learning_rate=0.1, steps=np.int64(3), batch_size=np.int32(1)).steps == 3


def test_train_many_says_it_too():
    assert "pass circuit.network" in lines(lambda: train_many(ExactCircuit(NETWORK), TASK, RULE, learning_rate=0.1))
    assert "pass a Network" in lines(lambda: train_many("kite.cir", TASK, RULE, learning_rate=0.1))
    assert "EquilibriumPropagation()" in lines(lambda: train_many(NETWORK, TASK, "ep", learning_rate=0.1))
    assert "pass Task(" in lines(lambda: train_many(NETWORK, [TASK, 3], RULE, learning_rate=0.1), TaskError)
    assert "whole number" in lines(lambda: train_many(NETWORK, TASK, RULE, learning_rate=0.1, steps=2.0))


def test_measure_wants_a_drive():
    with ExactCircuit(NETWORK) as circuit:
        assert "pass Drive(inputs)" in lines(lambda: circuit.measure([[1.0, 0.0]]), DriveError)


def test_flat_targets_are_one_sample():
    assert Task([1.0, 0.0], [0.6, 0.5, 0.4]).targets.shape == (1, 3)
    said = lines(lambda: Task([[1.0], [2.0]], [0.1, 0.2]), TaskError)
    assert "2 samples of inputs, 1 of targets; targets are flat" in said
    assert "[[0.1], [0.2]]" in said
    assert "inputs are flat" in lines(lambda: Task([1.0, 2.0], [[0.1], [0.2]]), TaskError)
    assert "flat" not in lines(lambda: Task([[1.0], [2.0]], [[0.1]]), TaskError)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: EquilibriumPropagation(nudge="x"), "nudge is 'x'; it must be finite and not zero"),
        (lambda: analyze(ExactCircuit(NETWORK), TASK), "pass circuit.network"),
        (lambda: analyze(NETWORK, TASK, "cross-entropy"), "loss is 'cross-entropy'; give an object such as SquaredError()"),
        (lambda: evaluate(ExactCircuit(NETWORK), TASK, SquaredError), "give an object such as SquaredError()"),
    ],
)
def test_what_is_no_nudge_no_network_and_no_loss(call, words):
    assert words in lines(call)


@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge()])
def test_losses_of_classes_have_an_output_for_each(loss):
    """One output is always the highest: the loss was 0, and nothing was learned."""
    network = Network.from_edges([("A", "t"), ("t", "D")], inputs=["A", "D"], outputs=["t"])
    rule = EquilibriumPropagation(loss=loss)
    told = lines(lambda: train(ExactCircuit(network), Task([[1.0, 0.0]], [[1.0]]), rule, steps=1), TaskError)
    assert f"{loss.name} needs an output for each class, and there is one" in told


def test_shares_of_classes_are_not_negative():
    """With one, the loss had no lower end."""
    task = Task([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
    rule = EquilibriumPropagation(loss=CrossEntropy())
    assert "target of sample 1, output 1 is -1; targets are shares" in lines(
        lambda: train(ExactCircuit(NETWORK), task, rule, steps=1), TaskError
    )


def test_no_samples_have_no_answers():
    assert predict(ExactCircuit(NETWORK), np.zeros((0, 2))).shape == (0,)
