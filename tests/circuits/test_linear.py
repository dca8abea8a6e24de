"""A linear circuit is a type: what it measures and what it answers cannot be two things."""

import numpy as np
import pytest

from hwlearn import Circuit, Drive, ExactCircuit, Inject, LinearCircuit, Network, Task, train
from hwlearn.arrays import Array
from hwlearn.circuits.answers import Answers
from hwlearn.errors import SimulationError
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import kite
from hwlearn.testing.linear import LinearContract, every_rule
from hwlearn.testing.measured import Measured
from hwlearn.testing.nodal import modified_nodal

START = [1, 1.5, 1.3, 1, 1, 1.7]
TASK = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])


class Dense(Answers):
    """By one dense solve for each unit drive; the last source column is the fixed sources alone."""

    def __init__(self, network: Network, conductances: Array) -> None:
        inputs, outputs = len(network.inputs), len(network.outputs)
        self.count, self.conductances = inputs + 1, conductances
        sources, currents = np.eye(inputs + outputs + 1)[:, :inputs], np.eye(inputs + outputs + 1)[:, inputs + 1 :]
        sources[inputs:], currents[: inputs + 1] = 0.0, 0.0
        found = modified_nodal(network, conductances, Drive(sources, Inject(currents)))

        def alone(rows: Array) -> Array:
            return np.where((np.arange(len(rows)) == inputs)[:, None], rows, rows - rows[inputs])

        self.nodes = alone(found.node_voltages)
        self.outputs = alone(found.output_voltages)
        self.drops = self.nodes @ network.incidence.toarray().T
        self.delivered = alone(found.input_currents)

    @property
    def input_currents(self) -> Array:
        return self.delivered.T

    def node_voltages(self) -> Array:
        return self.nodes.T


class DenseCircuit(LinearCircuit):
    """A backend of somebody else."""

    name = "dense"

    def _answers(self, inputs: Array) -> tuple[Answers, Array]:
        return Dense(self.network, self.conductances), np.hstack((inputs, np.ones((len(inputs), 1))))

    def _program(self, conductances: Array) -> Array:
        return conductances

    def _close(self) -> None:
        pass


class TestExactCircuit(LinearContract):
    def make(self, network: Network) -> Circuit:
        return ExactCircuit(network)


class TestDenseCircuit(LinearContract):
    tolerance = 1e-11

    def make(self, network: Network) -> Circuit:
        return DenseCircuit(network)


class LowMeasure:
    """A supply 10 % low, for whoever measures."""

    def measure(self, drive):
        return super().measure(Drive(0.9 * drive.inputs, drive.outputs))


@pytest.mark.parametrize("name", ["measure", "_measure", "answers", "program"])
def test_a_linear_circuit_that_measures_or_programs_in_another_way_cannot_be_written(name: str) -> None:
    with pytest.raises(TypeError, match=f"Low replaces {name} of .*Circuit.* final"):
        type("Low", (ExactCircuit,), {name: lambda self, *arguments: None})
    mixin = type("Mixin", (), {name: lambda self, *arguments: None})
    with pytest.raises(TypeError, match=f"Low replaces {name} of .*Circuit.* final"):
        type("Low", (mixin, ExactCircuit), {})
    with pytest.raises(TypeError, match=r"Low replaces measure of LinearCircuit by LowMeasure\.measure"):
        type("Low", (LowMeasure, ExactCircuit), {})


class LowSupply(ExactCircuit):
    def _answers(self, inputs):
        return super()._answers(0.9 * inputs)


@pytest.mark.parametrize("rule", list(every_rule(kite(START))), ids=repr)
def test_a_low_supply_is_obeyed_by_every_rule(rule) -> None:
    """Its outputs reach the targets; they stayed 10 % off while training saw a loss of 1e-12."""
    rate = 0.1 / np.abs(rule.direction(ExactCircuit(kite(START)), TASK)).max()
    with LowSupply(kite(START)) as circuit:
        train(circuit, TASK, rule, steps=3000, learning_rate=rate)
        assert task_loss(circuit, TASK)[0] < 1e-12
        true = ExactCircuit(circuit.network.with_conductances(circuit.conductances))
        outputs = true.measure(Drive(0.9 * TASK.inputs)).output_voltages
    np.testing.assert_allclose(outputs, TASK.targets, atol=1e-5)


class LyingAnswers(ExactCircuit):
    """Contrasts a hundredth too large, of which no measurement knows."""

    def _answers(self, inputs):
        answers, weights = super()._answers(inputs)
        if "contrast" not in vars(answers):
            true = answers.contrast
            answers.contrast = lambda *given: 1.01 * true(*given)
        return answers, weights


def contract_fails(circuit: Circuit) -> None:
    with pytest.raises(AssertionError):
        TestExactCircuit().test_directions_by_answers_are_those_by_phases(circuit, 2)


def test_the_contract_fails_a_circuit_whose_answers_are_not_what_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    TestExactCircuit().test_directions_by_answers_are_those_by_phases(ExactCircuit(kite(START)), 2)
    contract_fails(LyingAnswers(kite(START)))
    circuit = ExactCircuit(kite(START))
    measure = circuit.measure
    monkeypatch.setattr(circuit, "measure", lambda drive: measure(Drive(0.9 * drive.inputs, drive.outputs)))
    contract_fails(circuit)


def test_rules_learn_nothing_from_a_closed_circuit() -> None:
    for rule in every_rule(kite(START)):
        circuit = ExactCircuit(kite(START))
        circuit.close()
        with pytest.raises(SimulationError, match="closed"):
            rule.direction(circuit, TASK)


def test_a_wrapped_circuit_is_measured() -> None:
    assert not isinstance(Measured(ExactCircuit(kite(START))), LinearCircuit)
