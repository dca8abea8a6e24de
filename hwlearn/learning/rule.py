"""`Rule`: a free and a nudged phase, and the contrast of the two at every edge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwlearn.circuits.base import Array, Circuit, Drive, Hold, Inject, Measurement, Open, Outputs
from hwlearn.errors import HwlearnError
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True)
class Reading:
    """What a rule learned from its phases.

    Attributes:
        direction: (E,) S per unit of learning rate, ġ averaged over the samples; zero on fixed edges.
        loss: the loss that the rule observes in its free phase, mean over the samples [`Rule.loss_unit`].
        noise: standard deviation of a voltage of the free phase, as in `Measurement` [V]; NaN if unknown.
    """

    direction: Array
    loss: float
    noise: float = 0.0


class Rule(ABC):
    """A local learning rule for linear (and nearly linear) circuits.

    Rules differ in what they observe at the output ports in the free phase and in what the nudged phase imposes there
    (THEORY, Phases). All use one local update, a contrast of the two phases measured at the edge alone:

        ġ_e = σ [ (Δv_e nudged)² − (Δv_e free)² ] / (2 nudge)

    With `symmetric`, one phase at +nudge and one at −nudge replace the pair: in a linear circuit the update of an
    infinitesimal nudge, exactly, at any amplitude. One-sided, the error is linear in the nudge; its sign picks the side.

    Attributes:
        nudge: amplitude, not zero; its unit is in `nudge_unit`. None takes a tenth (one-sided, a thousandth) of the natural
            scale of the circuit: see `natural_nudge`.
        symmetric: contrast +nudge with −nudge.
    """

    name: ClassVar[str]
    linear: ClassVar[bool] = False  # what is observed and imposed is linear in outputs and targets, and the loss quadratic
    nudge_unit: ClassVar[str]
    sign: ClassVar[int]  # σ: −1 where voltages are observed, +1 where currents are
    loss_unit: ClassVar[str]

    def __init__(self, nudge: float | None = None, symmetric: bool = False) -> None:
        if nudge is not None and (not np.isfinite(nudge) or nudge == 0):
            raise HwlearnError(f"{type(self).__name__}: nudge is {nudge}; it must be finite and not zero")
        self.nudge = nudge if nudge is None else float(nudge)
        self.symmetric = bool(symmetric)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nudge={self.nudge}, symmetric={self.symmetric})"

    def amplitude(self, network: Network) -> float:
        """The nudge in use on `network` [`nudge_unit`]."""
        if self.nudge is not None:
            return self.nudge
        return (0.1 if self.symmetric else 1e-3) * self.natural_nudge(network)

    def natural_nudge(self, network: Network) -> float:
        """The nudge that changes the outputs by about the observed quantity itself [`nudge_unit`]."""
        return 1.0

    @abstractmethod
    def free(self, targets: Array) -> Outputs:
        """What the free phase does at the outputs, for targets (S, n_out) V."""

    @abstractmethod
    def observed(self, free: Measurement, targets: Array) -> Array:
        """(S, n_out): the quantity that learning brings to zero, as seen in the free phase."""

    @abstractmethod
    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        """What a nudged phase imposes at the outputs."""

    def settled(self, free: Measurement, targets: Array) -> bool:
        """Whether nothing is left to learn, so that no nudged phase is needed and no edge changes."""
        return False

    def loss(self, free: Measurement, targets: Array) -> float:
        """½ ‖observed‖², mean over the samples [`loss_unit`]."""
        observed = self.observed(free, targets)
        return 0.5 * float(np.vdot(observed, observed)) / len(observed)

    def direction(self, circuit: Circuit, task: Task) -> Array:
        """(E,): ġ of THEORY.md, averaged over the samples of `task`; zero on fixed edges.

        Raises:
            TaskError: the task does not fit the circuit's ports.
            SimulationError: a phase could not be measured.
        """
        task.check(circuit.network)
        return self.read(circuit, task).direction

    def sufficient(self, circuit: Circuit, task: Task) -> Task:
        """The task, or a short one with the same moments if circuit and rule are linear and so cannot tell them apart.

        Then directions and losses are the same, to rounding, and their cost does not depend on the number of samples.
        """
        return task.condensed() if circuit.linear and self.linear else task

    def read(self, circuit: Circuit, task: Task) -> Reading:
        """Run the phases for a task that fits, and read direction and loss."""
        inputs, targets, nudge = task.inputs, task.targets, self.amplitude(circuit.network)
        measure = circuit.phases(inputs)
        free = measure(self.free(targets))
        if self.settled(free, targets):
            return Reading(np.zeros(len(circuit.network.edges)), self.loss(free, targets), free.noise)
        if self.symmetric and circuit.linear:
            up, down = measure(self.nudged(free, targets, nudge)), measure(self.nudged(free, targets, -nudge))
            contrast = up.contrast(down)
            scale = self.sign / (4 * nudge)
        elif self.symmetric:
            sides = [self.nudged(free, targets, side) for side in (nudge, -nudge)]
            both = circuit.measure(Drive(np.repeat(inputs, 2, axis=0), _alternating(*sides)))
            contrast = both[0::2].contrast(both[1::2])
            scale = self.sign / (4 * nudge)
        else:
            contrast = measure(self.nudged(free, targets, nudge)).contrast(free)
            scale = self.sign / (2 * nudge)
        contrast *= scale
        if len(circuit.network.fixed):
            contrast[circuit.network.fixed] = 0.0
        return Reading(contrast, self.loss(free, targets), free.noise)


class VoltageRule(Rule):
    """A rule whose free phase leaves the ports open and observes the voltage error e = o − y [V]."""

    sign = -1
    loss_unit = "V²"

    def free(self, targets: Array) -> Outputs:
        return Open()

    def observed(self, free: Measurement, targets: Array) -> Array:
        return free.output_voltages - targets


class CurrentRule(Rule):
    """A rule whose free phase holds the ports at the targets y and observes the current I that this takes [A]."""

    sign = +1
    loss_unit = "A²"

    def free(self, targets: Array) -> Outputs:
        return Hold(targets)

    def observed(self, free: Measurement, targets: Array) -> Array:
        return free.output_currents


def typical_conductance(network: Network) -> float:
    """Geometric mean of the network's conductances [S]."""
    return float(np.exp(np.log(network.conductances).mean()))


def _alternating(one: Outputs, two: Outputs) -> Outputs:
    """Two phases of one kind as samples of a single one, +nudge and −nudge of each input side by side: a bench measures
    neighbours close in time."""
    if isinstance(one, Hold) and isinstance(two, Hold):
        return Hold(_alternate(one.voltage, two.voltage))
    if isinstance(one, Inject) and isinstance(two, Inject):
        return Inject(_alternate(one.current, two.current))
    raise TypeError(f"phases of different kinds: {one} and {two}")


def _alternate(one: Array, two: Array) -> Array:
    """Rows of both in turn."""
    return np.stack((one, two), axis=1).reshape(-1, one.shape[1])
