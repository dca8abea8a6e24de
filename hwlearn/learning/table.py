"""`TableRule`: the one formula of the rules in the table of docs/theory.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import attrgetter
from typing import ClassVar, Literal, Protocol, get_args

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Hold, Inject, Open, Outputs, Pull
from hwlearn.circuits.linalg import square_sum
from hwlearn.circuits.linear import LinearCircuit
from hwlearn.circuits.measurement import Measurement
from hwlearn.errors import HwlearnError, SimulationError
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses.squared_error import SquaredError
from hwlearn.learning.rule import Reading, Rule, typical_conductance
from hwlearn.learning.task import Task
from hwlearn.network import Network

Quantity = Literal["voltage", "current"]
Means = Literal["current", "resistor"]
"""What makes a current: a source of it, or a resistor towards a voltage."""
MEANS = get_args(Means)

RATE_UNITS: Mapping[tuple[Quantity, Quantity], str] = {
    ("voltage", "current"): "V²/S²",
    ("voltage", "voltage"): "V²/S",
    ("current", "current"): "V²/S",
    ("current", "voltage"): "V²",
}
"""By what is observed and what is imposed, for the squared error: ġ = −Jᵀ s is V²/S, a factor R⁻¹ in it one of S."""

_PHASES = attrgetter("free", "observed", "nudged", "settled", "seen_loss", "read")


class TableRule(Rule):
    """A row of the table in docs/theory.md: what is observed at the output ports, and what the nudged phase imposes there.

    The nudged phase imposes

        rest − nudge · observed,

    where rest is what the free phase already has of the imposed quantity. Ports at which voltages are observed are open: rest
    is no current, or the voltage seen. Ports at which currents are observed are held: rest is the held voltage, or the
    current seen.

    A current may be made `by` a resistor of the nudge's conductance β, which pulls the output towards rest − observed: for the
    squared error to the target itself (Kendall et al. 2020). It flows only as far as the output does not follow, so it
    is β (1 + βR)⁻¹ × observed, the same to first order in β. With both sides of a symmetric nudge the second one pulls as far
    to the other side of rest: a resistor cannot be negative. What is learned then is (1 + βR)⁻¹ of what is observed, exactly.

    What is observed is the error signal of the `loss` (∂ℓ/∂o; o − y for the squared error), or the current that holds the
    outputs at the targets. Such a current says nothing of the outputs of an open port, so a rule that observes it knows one
    loss only, ½ ‖I‖².

    In a `LinearCircuit` the direction follows from its answers without measuring the nudged phase. A subclass or mixin that
    changes a phase is measured, there as everywhere.

    Args:
        nudge, symmetric: see `Rule`.
        loss: what to descend; the squared error if not given.

    Raises:
        HwlearnError: a nudge that makes no sense, or a loss that the rule cannot observe.
    """

    observes: ClassVar[Quantity]
    imposes: ClassVar[Quantity]
    by: Means = "current"

    def __init__(self, nudge: float | None = None, symmetric: bool = False, loss: Loss | None = None) -> None:
        super().__init__(nudge, symmetric)
        self.loss = loss = SquaredError() if loss is None else loss
        if not isinstance(loss, Loss):
            raise HwlearnError(f"loss is {loss!r}; give an object such as SquaredError()")
        self.rate_unit = RATE_UNITS[self.observes, self.imposes].replace("V²", loss.unit)
        self.sign = -1 if self.observes == "voltage" else +1
        if isinstance(loss, SquaredError):
            return
        if self.observes == "current":
            raise HwlearnError(
                f"{self.name} holds the outputs at their targets and observes the currents I, so it descends ½ ‖I‖² and no "
                f"{loss.name}; take a rule that observes voltages (ep, cl, clamp)"
            )
        self.loss_unit = loss.unit
        if loss.unit != SquaredError.unit:  # what is imposed, per unit of the signal
            self.nudge_unit = f"{'A V' if self.imposes == 'current' else 'V²'}/({loss.unit})"

    def __repr__(self) -> str:
        loss = "" if isinstance(self.loss, SquaredError) else f", loss={self.loss!r}"
        return f"{super().__repr__()[:-1]}{loss})"

    def natural_nudge(self, network: Network) -> float:
        if self.observes == self.imposes:
            return 1.0
        conductance = typical_conductance(network)
        return conductance if self.imposes == "current" else 1 / conductance

    def free(self, targets: Array) -> Outputs:
        return Open() if self.observes == "voltage" else Hold(targets)

    def observed(self, free: Measurement, targets: Array) -> Array:
        if self.observes == "current":
            return free.output_currents
        return self.loss.judge(free.output_voltages, targets)[0]

    def nudged(self, free: Measurement, targets: Array, nudge: float) -> Outputs:
        observed = self.observed(free, targets)
        if self.by == "resistor":
            return Pull(free.output_voltages - math.copysign(1.0, nudge) * observed, abs(nudge))
        if self.imposes == "current":
            return Inject(free.output_currents - nudge * observed)
        rest = free.output_voltages if self.observes == "voltage" else targets
        return Hold(rest - nudge * observed)

    def seen_loss(self, free: Measurement, targets: Array) -> float:
        if self.observes == "current":
            return super().seen_loss(free, targets)
        return self.loss.judge(free.output_voltages, targets)[1]

    @property
    def keeps_the_table(self) -> bool:
        """Whether the phases are the formula's, so that a linear circuit's answers tell what they would measure."""
        return _PHASES(type(self)) == _FORMULA

    @property
    def sees_moments(self) -> bool:
        """Whether first and second moments of the samples are all that matters to this rule in a linear circuit."""
        return self.keeps_the_table and (self.observes == "current" or isinstance(self.loss, SquaredError))

    def sufficient(self, circuit: Circuit, task: Task) -> Task:
        return task.condensed() if isinstance(circuit, LinearCircuit) and self.sees_moments else task

    def read(self, circuit: Circuit, task: Task) -> Reading:
        if not (isinstance(circuit, LinearCircuit) and self.keeps_the_table):
            return super().read(circuit, task)
        network, targets = circuit.network, task.targets
        if self.observes == "current" or self.imposes == "voltage":
            circuit.check_holdable()
        answers, weights = circuit.answers(task.inputs)
        outputs = answers.open_outputs(weights)
        if self.observes == "voltage":
            observed, loss = self.loss.judge(outputs, targets)
        else:
            observed = answers.currents_to_hold(targets - outputs)
            loss = 0.5 * square_sum(observed) / len(observed)
        if not math.isfinite(loss):
            raise SimulationError("the output voltages are not finite; the circuit may be singular")
        every = self.symmetric and self.by == "current"  # any amplitude is the same
        nudge = 0.0 if every else self.amplitude(network)
        direction = self.at_ports(answers, weights, observed, nudge)
        if len(network.fixed):
            direction[network.fixed] = 0.0
        return Reading(direction, loss, 0.0, outputs if self.observes == "voltage" else None)

    def weight(self, resistance: Array, nudge: float) -> Array:
        """W (n_out, n_out): ġ = −Jᵀ W e near a solution of a linear circuit, for small or symmetric nudges.

        The identity, R⁻¹ or R⁻² (docs/theory.md); (1 + βR)⁻¹ where a resistor β makes the current.
        """
        eye = np.eye(len(resistance))
        if self.by == "resistor":
            return np.asarray(np.linalg.inv(eye + nudge * resistance))
        power = (self.observes == "current") + (self.imposes == "voltage")
        return np.linalg.matrix_power(np.linalg.inv(resistance), power) if power else eye

    def at_ports(self, ports: PortAlgebra, weights: Array, observed: Array, nudge: float) -> Array:
        """ġ in a linear circuit, from what is observed.

        The nudged phase changes what it imposes by −nudge × observed, and so the currents into the outputs: by σ nudge δ,
        where δ is −σ × observed, or R⁻¹ of it. With the drops Hδ that δ alone makes, the contrast of the phases is
        (Δv + σ nudge Hδ)² − Δv², so ġ = Hδ ∘ (Δv + ½ σ nudge Hδ), and ġ = Hδ ∘ Δv with the two sides of a symmetric nudge.
        Through a resistor, δ is (1 + βR)⁻¹ of it.
        """
        change = observed if self.sign < 0 else -observed
        if self.imposes == "voltage":
            change = ports.currents_to_hold(change)
        elif self.by == "resistor":
            change = ports.currents_to_hold(change, behind=1 / nudge) / nudge
        held = None if self.observes == "voltage" else observed
        return ports.contrast(weights, change, 0.0 if self.symmetric else 0.5 * self.sign * nudge, held)


_FORMULA = _PHASES(TableRule)


class PortAlgebra(Protocol):
    """`Answers`, or the same of many circuits at once."""

    def currents_to_hold(self, change: Array, /, behind: float = 0.0) -> Array:
        """Currents where `change` is held above the open outputs, behind resistors [Ω]: (R + behind)⁻¹ change."""

    def contrast(self, weights: Array, change: Array, share: float, held: Array | None, /) -> Array:
        """Mean over samples of the drops by `change` times those by the sources, `held` and share × `change`."""
