"""`train_many`: many trainings of one network at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.exact.many import ManyCircuits
from hwlearn.errors import HwlearnError, SimulationError
from hwlearn.learning.arguments import check_network, check_rule, check_task
from hwlearn.learning.optimizers import OPTIMIZERS, Optimizer
from hwlearn.learning.parameters import CONDUCTANCES
from hwlearn.learning.rule import Rule
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task
from hwlearn.learning.train import check_options
from hwlearn.network import Network
from hwlearn.network.arguments import unmasked

GROUP = 1000
"""Members that are trained together: enough to share the overhead of numpy, few enough for the caches."""


@dataclass(frozen=True, eq=False)
class ManyResult:
    """The losses and the end of many trainings.

    Attributes:
        conductances: (M, E) S.
        losses: (M, steps + 1): the loss that the rule observed before each update, and after the last [`Rule.loss_unit`].
    """

    conductances: Array
    losses: Array

    def __repr__(self) -> str:
        first, last = (float(np.median(self.losses[:, k])) for k in (0, -1))
        members, steps = self.losses.shape
        return f"<ManyResult: {members} trainings of {steps - 1} steps, median loss {first:.4g} → {last:.4g}>"


def train_many(
    network: Network,
    tasks: Task | Sequence[Task],
    rule: Rule,
    *,
    conductances: ArrayLike | None = None,
    steps: int = 1000,
    learning_rate: float,
    optimizer: str = "plain",
    parameter: str = "conductance",
) -> ManyResult:
    """Train M exact circuits of one network: as `train` on each, but all at once, many times faster for small networks.

    Args:
        network: as for `ExactCircuit`; its bounds and trainable edges hold for all members.
        tasks: one for each member, with equally many samples; or one for all.
        rule: EP, CL, AL, full clamp or dual CL.
        conductances: (M, E) where each member starts [S]; the network's own if not given.
        steps, learning_rate, optimizer, parameter: as in `train`.

    Raises:
        TaskError: a task does not fit the network.
        NetworkError: conductances of the wrong shape, not finite, or not positive.
        HwlearnError: a parameter that makes no sense.
        SimulationError: a member's voltages are not finite; names the member.
    """
    check_network(network)
    check_rule(rule)
    listed = [tasks] if isinstance(tasks, Task) else list(tasks)
    unmasked(conductances, "conductances")
    start = np.atleast_2d(np.asarray(network.conductances if conductances is None else conductances, dtype=np.float64))
    count = max(len(listed), len(start))
    if {len(listed), len(start)} - {1, count} or not listed:
        raise HwlearnError(f"{len(listed)} tasks for {len(start)} sets of conductances; give equally many, or one of either")
    for g in start:
        network.check_conductances(g)
    for task in listed:
        check_task(task)
        task.check(network)
    if not (isinstance(rule, TableRule) and rule.keeps_the_table):
        raise HwlearnError(f"{type(rule).__name__} has phases or a loss of its own; train the circuits one by one")
    check_options(steps, optimizer)
    if parameter not in CONDUCTANCES:
        known = " or ".join(CONDUCTANCES)
        raise HwlearnError(f"parameter {parameter!r}: train_many takes resistors alone, and so {known}; else use train")
    short = [task.condensed() if rule.sees_moments else task for task in listed]
    if len({len(task) for task in short}) > 1:
        raise HwlearnError("the tasks have different numbers of samples; train_many needs equally many in each")
    inputs, targets = np.array([task.inputs for task in short]), np.array([task.targets for task in short])
    circuits = ManyCircuits(network)
    ends, losses = np.empty((count, len(network.edges))), np.empty((count, steps + 1))
    for first in range(0, count, GROUP):
        group = slice(first, min(first + GROUP, count))
        size = group.stop - first

        def of(values: Array, group: slice = group, size: int = size) -> Array:
            return np.broadcast_to(values, (size, *values.shape[1:])) if len(values) == 1 else values[group]

        members = _Group(circuits, network, of(inputs), of(targets), rule, first)
        change = OPTIMIZERS[optimizer](learning_rate)
        members.train(of(start).T.copy(), change, parameter == "log-conductance", losses[group])
        ends[group] = members.conductances.T
    return ManyResult(ends, losses)


class _Group:
    """Members trained together; arrays of edges are (E, M), arrays of ports (S, n_out, M)."""

    def __init__(
        self, circuits: ManyCircuits, network: Network, inputs: Array, targets: Array, rule: TableRule, first: int
    ) -> None:
        self.circuits, self.network, self.rule, self.first = circuits, network, rule, first
        self.targets = targets.transpose(1, 2, 0).copy()
        self.weights = circuits.drive(inputs)
        self.nudge = rule.amplitude(network)

    def train(self, start: Array, optimizer: Optimizer, logarithmic: bool, losses: Array) -> None:
        network = self.network
        lower, upper = network.lower[:, None], network.upper[:, None]
        lower, upper = (np.where(network.trainable[:, None], bound, end) for bound, end in ((lower, -np.inf), (upper, np.inf)))
        self.conductances = g = start
        for step in range(losses.shape[1]):
            self.circuits.program(g)
            direction, losses[:, step] = self.read()
            if step + 1 == losses.shape[1]:
                break
            g = g * np.exp(optimizer.step(g * direction)) if logarithmic else g + optimizer.step(direction)
            self.conductances = g = np.minimum(np.maximum(g, lower), upper)

    def read(self) -> tuple[Array, Array]:
        """Directions (E, M) and losses (M,): `Rule.read` of every member."""
        outputs, rule = self.circuits.open_outputs(self.weights), self.rule
        wrong = np.flatnonzero(~np.isfinite(outputs).all(axis=(0, 1)))
        if len(wrong):
            raise SimulationError(f"member {self.first + wrong[0]}: the output voltages are not finite")
        if rule.sees_moments:
            observed = outputs - self.targets
            if rule.observes == "current":
                observed = self.circuits.currents_to_hold(-observed)
            losses = 0.5 * np.einsum("som,som->m", observed, observed) / len(observed)
        else:
            members = range(outputs.shape[2])
            judged = [rule.loss.judge(outputs[:, :, m], self.targets[:, :, m]) for m in members]
            observed = np.stack([signal for signal, _ in judged], axis=2)
            losses = np.array([loss for _, loss in judged])
        direction = rule.at_ports(self.circuits, self.weights, observed, self.nudge)
        direction[self.network.fixed] = 0.0
        return direction, losses
