"""`error_dynamics`: how a rule's direction answers small changes of the conductances, by a model of the circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.newton.circuit import NewtonCircuit
from hwlearn.errors import HwlearnError, ModelError
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Rule
from hwlearn.learning.sensitivity import sensitivity
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task

STEP = 1e-4
"""Relative change of a conductance, for differences of directions."""


class Dynamics(Protocol):
    """ġ = −A δg near present conductances, A mean over the samples.

    Attributes:
        model: name of the model that was asked.
    """

    model: str

    def here(self) -> Callable[[Array], Array]:
        """Products A δg (E,) with changes δg (E,) [S], at the present conductances of the circuit."""


def error_dynamics(circuit: Circuit, task: Task, rule: Rule) -> Dynamics:
    """The dynamics of the rule without its remedies.

    They are in closed form for the rules of the table in linear networks, and found by differences elsewhere.

    Raises:
        HwlearnError: no model can stand for the circuit; says what learning rate to give instead.
    """
    while isinstance(rule, Remedy):
        rule = rule.rule
    if circuit.network.linear and isinstance(rule, TableRule) and rule.keeps_the_table:
        return LinearDynamics(circuit, task, rule)
    return MeasuredDynamics(circuit, task, rule)


class LinearDynamics:
    """A = Jᵀ W H J/S, where H is the curvature of the loss (Gauss–Newton) and W the rule's `TableRule.weight`. J is never
    formed: a product costs O(E · sources · n_out).
    """

    model = "the exact model"

    def __init__(self, circuit: Circuit, task: Task, rule: TableRule) -> None:
        self._circuit, self._task, self._loss = circuit, task, rule.loss
        self._weight = rule.weight
        self._nudge = rule.amplitude(circuit.network)

    def here(self) -> Callable[[Array], Array]:
        found = sensitivity(self._circuit, self._task)
        weight = self._weight(found.resistance, self._nudge).T

        def product(change: Array) -> Array:
            signal = self._loss.curvature(found.outputs, found.targets, found.times(change))
            return found.transposed_times(signal @ weight) / len(found.outputs)

        return product


class MeasuredDynamics:
    """A by differences of the directions that the rule reads in a model: any rule, any device, the loss's own slopes."""

    def __init__(self, circuit: Circuit, task: Task, rule: Rule) -> None:
        self._circuit, self._model, self._task, self._rule = circuit, _model(circuit), task, rule
        self.model = f"differences of directions in {'the exact model' if self._model.name == 'exact' else self._model.name}"

    def here(self) -> Callable[[Array], Array]:
        conductances = self._circuit.conductances + self._circuit.strayed
        here = self._direction(conductances)

        def product(change: Array) -> Array:
            largest = float(np.abs(change / conductances).max(initial=0.0))
            if largest == 0:
                return np.zeros_like(change)
            part = STEP / largest
            return (here - self._direction(conductances + part * change)) / part

        return product

    def _direction(self, conductances: Array) -> Array:
        self._model.program(conductances)
        return self._rule.read(self._model, self._task).direction


def _model(circuit: Circuit) -> Circuit:
    """A circuit of the same network that may be programmed at will: never a thing on a bench."""
    network = circuit.network
    try:
        return ExactCircuit(network) if network.linear else NewtonCircuit(network)
    except ModelError as error:
        try:
            return circuit.alike(network)
        except HwlearnError:
            raise HwlearnError(
                f'learning_rate = "auto" asks a model of the circuit, and there is none ({error}); give a number, or '
                'optimizer = "adam"'
            ) from None
