"""Many samples cost no more than few: a linear circuit knows them by their moments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import RULES, networks, problems, rounding, tasks

from hwlearn import (
    CoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    Measurement,
    Network,
    Rule,
    Task,
    flow,
    train,
)
from hwlearn.arrays import Array
from hwlearn.circuits.exact.ports import Ports
from hwlearn.network.builders import grid
from hwlearn.testing.measured import Measured


@given(st.data(), st.sampled_from(RULES), st.integers(6, 300))
def test_direction_and_loss_are_those_of_all_samples(data: st.DataObject, rule: Rule, samples: int) -> None:
    network = data.draw(networks(fixed_edges=True))
    task = data.draw(tasks(network, samples))
    circuit = ExactCircuit(network)
    plain, short = rule.read(Measured(ExactCircuit(network)), task), rule.read(circuit, rule.sufficient(circuit, task))
    near = 1e-9 * np.abs(plain.direction).max() + rounding(rule, network, task)
    np.testing.assert_allclose(short.direction, plain.direction, rtol=0, atol=near)
    assert short.loss == pytest.approx(plain.loss, rel=1e-9)
    assert train(circuit, task, rule, steps=0, learning_rate=1.0).losses[0] == short.loss


@given(problems(fixed_edges=True), st.sampled_from(RULES))
def test_ports_give_what_the_phases_give(problem: tuple[Network, Task], rule: Rule) -> None:
    network, task = problem
    plain, quick = rule.read(Measured(ExactCircuit(network)), task), rule.read(ExactCircuit(network), task)
    near = 1e-9 * np.abs(plain.direction).max() + rounding(rule, network, task)
    np.testing.assert_allclose(quick.direction, plain.direction, rtol=0, atol=near)
    assert quick.loss == pytest.approx(plain.loss, rel=1e-9, abs=1e-25)


@given(problems())
def test_moments_are_kept(problem: tuple[Network, Task]) -> None:
    task = problem[1]
    many = Task(np.repeat(task.inputs, 40, axis=0), np.tile(task.targets, (40, 1)))
    values, short = (np.hstack((t.inputs, t.targets)) for t in (many, many.condensed()))
    assert len(short) == values.shape[1] + 1
    np.testing.assert_allclose(short.mean(0), values.mean(0), atol=1e-14)
    np.testing.assert_allclose(short.T @ short / len(short), values.T @ values / len(values), atol=1e-13)
    assert task.condensed() is task or len(task) > values.shape[1] + 1


class Counting(ExactCircuit):
    """Keeps how many samples it was asked for."""

    most = 0

    def _answers(self, inputs: Array) -> tuple[Ports, Array]:
        self.most = max(self.most, len(inputs))
        return super()._answers(inputs)


def test_training_takes_the_short_task_and_minibatches_do_not() -> None:
    random = np.random.default_rng(1)
    task = Task(random.uniform(size=(1000, 2)), random.uniform(size=(1000, 2)))
    circuit = Counting(grid(3, 3, outputs=["n1_1", "n0_2"]))
    train(circuit, task, CoupledLearning(), steps=3, learning_rate=0.1, stop_loss=0.0)
    flow(circuit, task, CoupledLearning(symmetric=True), 1.0)
    assert circuit.most == 5
    train(circuit, task, CoupledLearning(), steps=3, learning_rate=0.1, batch_size=50)
    assert circuit.most == 50


def test_a_rule_that_is_not_linear_sees_every_sample() -> None:
    class Robust(EquilibriumPropagation):
        def observed(self, free: Measurement, targets: Array) -> Array:
            return np.clip(super().observed(free, targets), -0.1, 0.1)

    random = np.random.default_rng(2)
    task = Task(random.uniform(size=(100, 2)), random.uniform(size=(100, 2)))
    circuit = Counting(grid(3, 3, outputs=["n1_1", "n0_2"]))
    train(circuit, task, Robust(), steps=2, learning_rate=0.1)
    assert circuit.most == 100
