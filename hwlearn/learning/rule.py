"""`Rule`: a free and a nudged phase, and the contrast of the two at every edge."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Open, Outputs, Pull
from hwlearn.circuits.linalg import square_sum
from hwlearn.circuits.measurement import Measurement
from hwlearn.errors import HwlearnError
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.text import inverse_unit

SENSIBLE = 1e-9, 1e4
"""Smallest and largest nudge that can be measured, in units of `Rule.natural_nudge`."""


class Reading(NamedTuple):
    """What a rule learned from its phases.

    Attributes:
        direction: (E,) S per unit of learning rate, ġ averaged over the samples; zero on fixed edges. It is given away: the
            step that is made of it may overwrite it. A rule that keeps it makes it read-only.
        loss: the loss that the rule observes in its free phase, mean over the samples [`Rule.loss_unit`].
        noise: standard deviation of a voltage of the free phase, as in `Measurement` [V]; NaN if unknown.
        outputs: (S, n_out) V that the free phase read with open ports; None where the outputs were held.
        free: the free phase, where it was measured.
    """

    direction: Array
    loss: float
    noise: float = math.nan
    outputs: Array | None = None
    free: Measurement | None = None


class Rule(ABC):
    """A local learning rule for linear (and nearly linear) circuits: it says what its phases do at the output ports.

    All rules use one local update, a contrast of the two phases measured at the edge alone:

        ġ_e = σ [ (Δv_e nudged)² − (Δv_e free)² ] / (2 nudge)

    With `symmetric`, one phase at +nudge and one at −nudge replace the pair: in a linear circuit the update of an
    infinitesimal nudge, exactly, at any amplitude. One-sided, the error is linear in the nudge; its sign picks the side.

    The rules of the table in docs/theory.md are made by `TableRule`. A rule with other phases is a subclass of this class or
    of one of them.

    Attributes:
        name: as in an experiment file.
        nudge: amplitude, not zero; its unit is in `nudge_unit`. None takes a tenth (one-sided, a thousandth) of the natural
            scale of the circuit: see `natural_nudge`.
        symmetric: contrast +nudge with −nudge.
        sign: σ, −1 for the rules of the table that observe voltages, +1 for those that observe currents.
        loss_unit: of the loss that the rule observes.
        rate_unit: of the rate of a mode of its flow dg/dt = ġ, which is that of ġ per siemens; empty if nobody says.
        loss: what outputs are judged by. Rules that observe currents see ½ ‖I‖² instead: `seen_loss`.
    """

    name: str
    nudge_unit: str
    loss_unit: str
    rate_unit: str = ""
    sign: int
    loss: Loss = SquaredError()

    def __init__(self, nudge: float | None = None, symmetric: bool = False) -> None:
        try:
            self.nudge = nudge if nudge is None else float(nudge)
        except (TypeError, ValueError):
            self.nudge = math.nan
        if self.nudge is not None and (not math.isfinite(self.nudge) or self.nudge == 0):
            raise HwlearnError(f"{type(self).__name__}: nudge is {nudge!r}; it must be finite and not zero")
        self.symmetric = bool(symmetric)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nudge={self.nudge}, symmetric={self.symmetric})"

    @property
    def step_unit(self) -> str:
        """Of a learning rate, and of the time of a flow: the inverse of `rate_unit`."""
        return inverse_unit(self.rate_unit)

    def amplitude(self, network: Network) -> float:
        """The nudge in use on `network` [`nudge_unit`]."""
        if self.nudge is not None:
            return self.nudge
        return (0.1 if self.symmetric else 1e-3) * self.natural_nudge(network)

    def check_nudge(self, network: Network) -> None:
        """Refuse a nudge that phases which are measured, with 16 digits or fewer, cannot tell or follow.

        Raises:
            HwlearnError: it is far from `natural_nudge`; tells the smallest and largest that make sense.
        """
        natural = self.natural_nudge(network)
        least, most = (limit * natural for limit in SENSIBLE)
        if self.nudge is not None and not least <= abs(self.nudge) <= most:
            why = "rounding drowns what it changes" if abs(self.nudge) < least else "it is far above the scale of the circuit"
            raise HwlearnError(
                f"{type(self).__name__}: a nudge of {self.nudge:g} {self.nudge_unit} cannot be measured: {why}; "
                f"give {least:.2g} to {most:.2g} {self.nudge_unit}, or None for what suits the circuit"
            )

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
        return not self.observed(free, targets).any()

    def seen_loss(self, free: Measurement, targets: Array) -> float:
        """½ ‖observed‖², mean over the samples [`loss_unit`]."""
        observed = self.observed(free, targets)
        return 0.5 * square_sum(observed) / len(observed)

    def direction(self, circuit: Circuit, task: Task) -> Array:
        """(E,): ġ of docs/theory.md, averaged over the samples of `task`; zero on fixed edges.

        Raises:
            TaskError: the task does not fit the circuit's ports.
            SimulationError: a phase could not be measured.
        """
        task.check(circuit.network)
        return self.read(circuit, task).direction

    def sufficient(self, circuit: Circuit, task: Task) -> Task:
        """The task, or a short one with the same moments if this rule cannot tell them apart in this circuit.

        Then directions and losses are the same, to rounding, and their cost does not depend on the number of samples.
        """
        return task

    def read(self, circuit: Circuit, task: Task) -> Reading:
        """Run the phases for a task that fits, and read direction and loss."""
        inputs, targets, nudge = task.inputs, task.targets, self.amplitude(circuit.network)
        self.check_nudge(circuit.network)
        imposed = self.free(targets)
        free = circuit.measure(Drive(inputs, imposed))
        loss, outputs = self.seen_loss(free, targets), free.output_voltages if isinstance(imposed, Open) else None
        if not math.isfinite(loss) or self.settled(free, targets):
            return Reading(np.zeros(len(circuit.network.edges)), loss, free.noise, outputs, free)
        if self.symmetric:
            sides = [self.nudged(free, targets, side) for side in (nudge, -nudge)]
            both = circuit.measure(Drive(np.repeat(inputs, 2, axis=0), _alternating(*sides)))
            contrast = both[0::2].contrast(both[1::2])
            scale = self.sign / (4 * nudge)
        else:
            contrast = circuit.measure(Drive(inputs, self.nudged(free, targets, nudge))).contrast(free)
            scale = self.sign / (2 * nudge)
        contrast *= scale
        contrast[circuit.network.fixed] = 0.0
        return Reading(contrast, loss, free.noise, outputs, free)


def typical_conductance(network: Network) -> float:
    """Geometric mean of the network's conductances [S]."""
    return network.typical_conductance


def _alternating(one: Outputs, two: Outputs) -> Outputs:
    """Two phases of one kind as samples of a single one, +nudge and −nudge of each input side by side: a bench measures
    neighbours close in time."""
    unlike = isinstance(one, Pull) and isinstance(two, Pull) and one.conductance != two.conductance
    if isinstance(one, Open) or isinstance(two, Open) or type(one) is not type(two) or unlike:
        raise TypeError(f"phases of different kinds: {one} and {two}")
    return one.imposing(_alternate(one.imposed, two.imposed))


def _alternate(one: Array, two: Array) -> Array:
    """Rows of both in turn."""
    both = np.empty((2 * len(one), one.shape[1]))
    both[0::2], both[1::2] = one, two
    return both
