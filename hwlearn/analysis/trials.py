"""`Trials`: trainings on imperfect hardware, beside each other; and the remedies that are tried there."""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass

import numpy as np

from hwlearn.analysis.identified import IdentifiedCircuit, probe_drive
from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.imperfect import Effect, ImperfectCircuit
from hwlearn.errors import HwlearnWarning
from hwlearn.learning.remedies import Overclamped, Remedy, Thresholded
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import FullClamp
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task
from hwlearn.learning.train import task_loss, train
from hwlearn.learning.training_result import TrainState
from hwlearn.network import Network


@dataclass(frozen=True)
class Ending:
    """Where a training ended, by the last quarter of its steps.

    Attributes:
        loss: true loss ½‖e‖² [V²], the mean.
        error: the largest rms error of an output [V].
        direction: rms of the readings of the rule's direction in the end.
        wander: how far the true conductances moved, rms, as a part of their mean.
    """

    loss: float
    error: float
    direction: float
    wander: float


@dataclass(frozen=True, eq=False)
class Trials:
    """Trainings of imperfect copies of one circuit, all from the same start and with the same learning rate.

    Attributes:
        network: with the conductances at which every training starts. task: what is learned.
        learning_rate: of plain steps. steps: of each training. seed: of the imperfections.
    """

    network: Network
    task: Task
    learning_rate: float
    steps: int
    seed: int

    def circuit(self, effects: list[Effect]) -> ImperfectCircuit:
        """The copy with these imperfections, untrained."""
        return ImperfectCircuit(ExactCircuit(self.network), *effects, seed=self.seed)

    def run(self, rule: Rule, effects: list[Effect], *, optimizer: str = "plain", every: int = 0) -> Ending:
        """Train the copy with these imperfections; with `every`, its edges are identified after each so many updates."""
        losses, squares, passed = list[float](), list[Array](), list[Array]()
        with self.circuit(effects) as circuit:
            used: Circuit = circuit
            if every:
                used = IdentifiedCircuit(circuit, probe_drive(self.network, self.task), every)

            def note(state: TrainState) -> None:
                if state.step >= 0.75 * self.steps and state.step % 5 == 0:
                    loss, outputs = task_loss(circuit.inside, self.task)
                    losses.append(loss)
                    squares.append((outputs - self.task.targets) ** 2)
                    passed.append(circuit.real)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HwlearnWarning)  # where a loss grows on such hardware is what is asked
                train(
                    used,
                    self.task,
                    rule,
                    steps=self.steps,
                    learning_rate=self.learning_rate,
                    optimizer=optimizer,
                    keep="last",
                    callbacks=[note],
                )
            read = [rule.direction(circuit, self.task)[self.network.trainable] for _ in range(10)]
        error = np.sqrt(np.mean(squares, axis=0)).max()
        wander = np.sqrt(np.mean((passed[-1] - passed[0]) ** 2)) / passed[0].mean()
        return Ending(float(np.mean(losses)), float(error), float(np.sqrt(np.mean(np.square(read)))), float(wander))


def remedies_for(rule: Rule, plain: Ending, reach: float) -> dict[str, Rule]:
    """Remedies that apply to a rule, by name, in place of those that it has.

    They are fitted to what a training without them ended with, `plain`. `reach` is αλ of the fastest mode.
    """
    made: dict[str, Rule] = {}
    while isinstance(rule, Remedy):
        rule = rule.rule
    if not (rule.symmetric or isinstance(rule, FullClamp)):
        made["symmetric"] = copy(rule)
        made["symmetric"].symmetric = True
    if isinstance(rule, TableRule) and rule.observes == "voltage":
        push = 2 * plain.error
        made["overclamped"] = Overclamped(rule, push, 0.5 * reach * push)
    made["thresholded"] = Thresholded(rule, 0.5 * plain.direction)
    return made
