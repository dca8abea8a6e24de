"""`ComparedPhases`: the phases through which circuits are driven to be compared, and what one circuit answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Inject
from hwlearn.circuits.measurement import Measurement
from hwlearn.learning.rule import Rule, typical_conductance
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True, eq=False)
class PhaseAnswers:
    """The answers of one circuit.

    Attributes:
        free, nudged, last: to the rule's phases; `last` to the free one once more, after all others.
        probes, uneven: to the probing phases, at the conductances of the comparison and at uneven ones.
        direction: (E,) the rule's, as read in this circuit.
    """

    free: Measurement
    nudged: Measurement
    probes: list[Measurement]
    uneven: list[Measurement]
    last: Measurement
    direction: Array


@dataclass(frozen=True, eq=False)
class ComparedPhases:
    """Phases that all circuits of a comparison make.

    Attributes:
        network, task, rule: what is compared; the task has only the samples that are.
        free, nudged: the rule's phases, the nudged one by the reference's free phase. nudge: its amplitude.
        probes: see `probing_phases`.
        conductances: (E,) S of all circuits. uneven: (E,) S of all circuits while they are probed once more.
    """

    network: Network
    task: Task
    rule: Rule
    free: Drive
    nudged: Drive
    nudge: float
    probes: list[Drive]
    conductances: Array
    uneven: Array

    @classmethod
    def of(cls, task: Task, rule: Rule, reference: Circuit, last: Circuit) -> Self:
        """The phases at the conductances that `last` realises, at which it is left; the reference is programmed to them."""
        network = last.network
        realised = last.program(network.conductances)
        reference.program(realised)
        free = Drive(task.inputs, rule.free(task.targets))
        nudge = rule.amplitude(network)
        nudged = Drive(task.inputs, rule.nudged(reference.measure(free), task.targets, nudge))
        probes = probing_phases(network, task)
        bounds = [np.where(network.trainable, bound, realised) for bound in (network.lower, network.upper)]
        changed = last.program(uneven(realised, (bounds[0], bounds[1])))
        last.program(realised)
        return cls(network, task, rule, free, nudged, nudge, probes, realised, changed)

    def made_by(self, circuit: Circuit) -> PhaseAnswers:
        """Drive a circuit, which has the conductances of the comparison, through all phases."""
        first = circuit.measure(self.free)
        pulled = circuit.measure(self.nudged)
        probed = [circuit.measure(probe) for probe in self.probes]
        direction = self.rule.read(circuit, self.task).direction
        circuit.program(self.uneven)
        changed = [circuit.measure(probe) for probe in self.probes]
        circuit.program(self.conductances)
        return PhaseAnswers(first, pulled, probed, changed, circuit.measure(self.free), direction)


def probing_phases(network: Network, task: Task) -> list[Drive]:
    """At rest, each input alone both ways, and a current into each output both ways: open and injected phases."""
    size = np.abs(task.inputs).max(axis=0)
    size[size == 0] = float(np.abs(task.inputs).max()) or 1.0
    alone = np.diag(size)
    rest = np.zeros((1, len(network.inputs)))
    phases = [Drive(np.concatenate((rest, alone, -alone)))]
    count = len(network.outputs)
    current = np.eye(count) * 0.1 * float(size.max(initial=1.0)) * typical_conductance(network)
    phases.append(Drive(np.zeros((2 * count, len(network.inputs))), Inject(np.concatenate((current, -current)))))
    return phases


def uneven(conductances: Array, bounds: tuple[Array, Array]) -> Array:
    """(E,) S, each up to three times more or less, within bounds: symmetry hides edges."""
    factor = 3 ** np.random.default_rng(0).uniform(-1, 1, len(conductances))
    return np.clip(conductances * factor, *bounds)
