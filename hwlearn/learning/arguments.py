"""What `train`, `flow` and `train_many` are called with, checked before anything is measured."""

from __future__ import annotations

import operator

from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError, TaskError
from hwlearn.learning.loss import Loss
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import RULES
from hwlearn.learning.task import Task
from hwlearn.network import Network


def check_circuit(circuit: object) -> None:
    """Refuse what is no circuit.

    Raises:
        HwlearnError: says what to pass.
    """
    if isinstance(circuit, Circuit):
        return
    if isinstance(circuit, Network):
        kind = "ExactCircuit" if circuit.linear else "NewtonCircuit"
        raise HwlearnError(f"a network is not trained, its circuit is: pass {kind}(network), or another circuit of it")
    if isinstance(circuit, type) and issubclass(circuit, Circuit):
        raise HwlearnError(f"{circuit.__name__} is a class: pass {circuit.__name__}(network)")
    raise HwlearnError(f"circuit is {_shown(circuit)}: pass a Circuit, such as ExactCircuit(network)")


def check_network(network: object) -> None:
    """Refuse what is no network.

    Raises:
        HwlearnError: says what to pass.
    """
    if isinstance(network, Circuit):
        raise HwlearnError("a circuit was given where a network is needed: pass circuit.network")
    if not isinstance(network, Network):
        raise HwlearnError(f"network is {_shown(network)}: pass a Network")


def check_task(task: object) -> None:
    """Refuse what is no task.

    Raises:
        TaskError: says what to pass.
    """
    if not isinstance(task, Task):
        raise TaskError(f"task is {_shown(task)}: pass Task(inputs, targets)")


def check_rule(rule: object) -> None:
    """Refuse what is no rule.

    Raises:
        HwlearnError: says what to pass.
    """
    if isinstance(rule, Rule):
        return
    if isinstance(rule, str) and rule in RULES:
        raise HwlearnError(f"rule is the text {rule!r}: pass the rule itself, {RULES.get(rule).__name__}()")
    if isinstance(rule, type) and issubclass(rule, Rule):
        raise HwlearnError(f"{rule.__name__} is a class: pass {rule.__name__}()")
    raise HwlearnError(f"rule is {_shown(rule)}: pass a Rule, such as EquilibriumPropagation()")


def check_loss(loss: object) -> None:
    """Refuse what is no loss.

    Raises:
        HwlearnError: says what to pass.
    """
    if not isinstance(loss, Loss):
        raise HwlearnError(f"loss is {loss!r}; give an object such as SquaredError(), or rule.loss")


def check_count(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least `least`.

    Raises:
        HwlearnError: names the argument.
    """
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        instead = f": pass {value:.0f}" if isinstance(value, float) and value.is_integer() else ""
        raise HwlearnError(f"{name} is {_shown(value)}; it must be a whole number{instead}") from None
    if isinstance(value, bool) or count < least:
        raise HwlearnError(f"{name} is {value}; it must be {least} or more")


def _shown(value: object) -> str:
    """Short text of anything."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"
