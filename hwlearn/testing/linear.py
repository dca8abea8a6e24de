"""The suite for a `LinearCircuit`: what rules make of its answers is what they would measure."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

import numpy as np
import pytest

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.linear import LinearCircuit
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import RULES
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.testing.measured import Measured
from hwlearn.testing.resistors import ResistorContract

SAMPLES = (1, 2, 7, 40)
"""Fewer than outputs and more, fewer than sources and more: sums over samples are taken in different orders."""


def every_rule(network: Network) -> Iterator[Rule]:
    """Each rule of the registry, one-sided and symmetric, with a nudge far above rounding."""
    for name in RULES:
        kind = RULES.get(name)
        known = signature(kind).parameters
        options: dict[str, Any] = {"nudge": 0.3 * kind().natural_nudge(network)} if "nudge" in known else {}
        yield kind(**options)
        if "symmetric" in known:
            yield kind(symmetric=True, **options)


class LinearContract(ResistorContract):
    """What a `LinearCircuit` must do besides: its answers and its measurements are of one circuit, for every rule."""

    def test_is_a_linear_circuit(self, circuit: Circuit) -> None:
        assert isinstance(circuit, LinearCircuit)

    @pytest.mark.parametrize("samples", SAMPLES)
    def test_directions_by_answers_are_those_by_phases(self, circuit: Circuit, samples: int) -> None:
        task = self.task(circuit, samples)
        measured = Measured(circuit)
        for rule in every_rule(circuit.network):
            quick, plain = rule.read(circuit, rule.sufficient(circuit, task)), rule.read(measured, task)
            self.near(quick.direction, plain.direction, self.size(circuit, task, rule))
            assert quick.loss == pytest.approx(plain.loss, rel=100 * self.tolerance)

    def test_directions_are_those_of_the_conductances_in_use(self, circuit: Circuit) -> None:
        task = self.task(circuit, 2)
        before = circuit.conductances
        for rule in every_rule(circuit.network):
            circuit.program(before)
            old = rule.read(circuit, task)
            circuit.program(before * np.linspace(0.5, 2, len(before)))
            new, plain = rule.read(circuit, task), rule.read(Measured(circuit), task)
            size = self.size(circuit, task, rule)
            self.near(new.direction, plain.direction, size)
            assert np.abs(new.direction - old.direction).max() > 100 * self.tolerance * size

    def task(self, circuit: Circuit, samples: int) -> Task:
        """Targets a little away from the outputs."""
        inputs = self.phases(circuit.network, samples)["open"].inputs
        outputs = circuit.measure(Drive(inputs)).output_voltages
        return Task(inputs, outputs + np.random.default_rng(12).uniform(-0.3, 0.3, outputs.shape))

    def size(self, circuit: Circuit, task: Task, rule: Rule) -> float:
        """The squared drops that a contrast subtracts, over the nudge."""
        volts: Array = circuit.measure(Drive(task.inputs)).node_voltages
        return float(max(np.abs(volts).max(), np.abs(task.targets).max()) ** 2 / abs(rule.amplitude(circuit.network)))
