"""`Rule`: a free and a nudged phase, and the contrast of the two at every edge."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit, Drive, Hold, Inject, Measurement, Open, Outputs
from hwlearn.circuits.linalg import square_sum
from hwlearn.errors import HwlearnError, SimulationError
from hwlearn.learning.task import Task
from hwlearn.network import Network

SENSIBLE = 1e-9, 1e4
"""Smallest and largest nudge that can be measured, in units of `Rule.natural_nudge`."""


class Reading(NamedTuple):
    """What a rule learned from its phases.

    Attributes:
        direction: (E,) S per unit of learning rate, ġ averaged over the samples; zero on fixed edges.
        loss: the loss that the rule observes in its free phase, mean over the samples [`Rule.loss_unit`].
        noise: standard deviation of a voltage of the free phase, as in `Measurement` [V]; NaN if unknown.
    """

    direction: Array
    loss: float
    noise: float = math.nan


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
    observes: ClassVar[Literal["voltage", "current"]]
    imposes: ClassVar[Literal["voltage", "current"] | None] = None  # None: phases or loss are not those of THEORY's table
    nudge_unit: ClassVar[str]
    sign: ClassVar[int]  # σ: −1 where voltages are observed, +1 where currents are
    loss_unit: ClassVar[str]

    def __init__(self, nudge: float | None = None, symmetric: bool = False) -> None:
        if nudge is not None and (not np.isfinite(nudge) or nudge == 0):
            raise HwlearnError(f"{type(self).__name__}: nudge is {nudge}; it must be finite and not zero")
        self.nudge = nudge if nudge is None else float(nudge)
        self.symmetric = bool(symmetric)

    def __init_subclass__(cls) -> None:
        """A rule with phases or a loss of its own is not of the table, unless it says that it is."""
        own = vars(cls)
        if "imposes" not in own and not own.keys().isdisjoint(("free", "observed", "nudged", "settled", "loss")):
            cls.imposes = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nudge={self.nudge}, symmetric={self.symmetric})"

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
        return False

    def loss(self, free: Measurement, targets: Array) -> float:
        """½ ‖observed‖², mean over the samples [`loss_unit`]."""
        observed = self.observed(free, targets)
        return 0.5 * square_sum(observed) / len(observed)

    def direction(self, circuit: Circuit, task: Task) -> Array:
        """(E,): ġ of THEORY.md, averaged over the samples of `task`; zero on fixed edges.

        Raises:
            TaskError: the task does not fit the circuit's ports.
            SimulationError: a phase could not be measured.
        """
        task.check(circuit.network)
        return self.read(circuit, task).direction

    def sufficient(self, circuit: Circuit, task: Task) -> Task:
        """The task, or a short one with the same moments if a rule of the table in a linear circuit cannot tell them apart.

        Then directions and losses are the same, to rounding, and their cost does not depend on the number of samples.
        """
        return task.condensed() if circuit.linear and self.imposes is not None else task

    def read(self, circuit: Circuit, task: Task) -> Reading:
        """Run the phases for a task that fits, and read direction and loss."""
        inputs, targets, nudge = task.inputs, task.targets, self.amplitude(circuit.network)
        if circuit.linear and self.imposes is not None:
            if self.observes == "current" or self.imposes == "voltage":
                circuit.check_holdable()
            ports, weights = circuit.ports(inputs)
            observed, contrast = self.at_ports(ports, weights, ports.open_outputs(weights) - targets, nudge)
            if len(circuit.network.fixed):
                contrast[circuit.network.fixed] = 0.0
            loss = 0.5 * square_sum(observed) / len(observed)
            if not math.isfinite(loss):
                raise SimulationError("the output voltages are not finite; the circuit may be singular")
            return Reading(contrast, loss, 0.0)
        self.check_nudge(circuit.network)
        free = circuit.measure(Drive(inputs, self.free(targets)))
        if self.settled(free, targets):
            return Reading(np.zeros(len(circuit.network.edges)), self.loss(free, targets), free.noise)
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
        return Reading(contrast, self.loss(free, targets), free.noise)

    def at_ports(self, ports: PortAlgebra, weights: Array, error: Array, nudge: float) -> tuple[Array, Array]:
        """(observed, ġ) of a rule of the table in a linear circuit, from the error e = o − y of the open outputs.

        The nudged phase changes what it imposes by −nudge × observed, and so the currents into the outputs: by σ nudge δ,
        where δ is −σ × observed, or R⁻¹ of it. With the drops Hδ that δ alone makes, the contrast of the phases is
        (Δv + σ nudge Hδ)² − Δv², so ġ = Hδ ∘ (Δv + ½ σ nudge Hδ), and ġ = Hδ ∘ Δv with the two sides of a symmetric nudge.
        """
        if self.observes == "voltage":
            observed, held = error, None
        else:
            observed = held = ports.currents_to_hold(-error)
        change = observed if self.sign < 0 else -observed
        if self.imposes == "voltage":
            change = ports.currents_to_hold(change)
        return observed, ports.contrast(weights, change, 0.0 if self.symmetric else 0.5 * self.sign * nudge, held)


class PortAlgebra(Protocol):
    """`Ports`, or the same of many circuits at once."""

    def currents_to_hold(self, change: Array, /) -> Array:
        """Currents that raise the output voltages by `change`: R⁻¹ change."""

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None, /) -> Array:
        """Mean over samples of the drops by `change` times those by the sources, `held` and share × `change`."""


class VoltageRule(Rule):
    """A rule whose free phase leaves the ports open and observes the voltage error e = o − y [V]."""

    observes = "voltage"
    sign = -1
    loss_unit = "V²"

    def free(self, targets: Array) -> Outputs:
        return Open()

    def observed(self, free: Measurement, targets: Array) -> Array:
        return free.output_voltages - targets


class CurrentRule(Rule):
    """A rule whose free phase holds the ports at the targets y and observes the current I that this takes [A]."""

    observes = "current"
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
