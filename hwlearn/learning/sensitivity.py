"""`Sensitivity`: how the outputs of a linear network follow its conductances, and the largest rate at which a rule learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.remedies.remedy import Remedy
from hwlearn.learning.rule import Rule
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task
from hwlearn.network import Network

POWER_STEPS, SETTLED = 100, 1e-3
"""Steps of the power iteration at most, and the relative change of its result below which it ends."""


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """J (S·n_out, E) = ∂o/∂g [V/S], never formed: see `hwlearn.analysis.jacobian.Jacobian`.

    Attributes:
        network, conductances: where it was taken, (E,) S.
        source_drops: D (E, q), drops in each edge per unit of each source.
        adjoint_drops: Λ (E, n_out), drops per unit current into each output; zero on fixed edges.
        weights: X (S, q), the sources in each sample.
        resistance: R (n_out, n_out) Ω.
        outputs, targets: (S, n_out) V.
        volts: the largest node voltage of any sample [V], or a bound on it.
    """

    network: Network
    conductances: Array
    source_drops: Array
    adjoint_drops: Array
    weights: Array
    resistance: Array
    outputs: Array
    targets: Array
    volts: float

    @classmethod
    def of(cls, circuit: ExactCircuit, task: Task) -> Self:
        """That of a circuit as it is programmed, for a task that fits."""
        found, network = circuit.responses(task.inputs), circuit.network
        return cls(
            network,
            circuit.conductances,
            found.source_drops,
            found.port_drops if network.trainable.all() else np.where(network.trainable[:, None], found.port_drops, 0.0),
            found.weights,
            found.resistance,
            found.weights @ found.source_outputs.T,
            task.targets,
            float((np.abs(found.weights) @ found.source_size).max(initial=0.0)),
        )

    def times(self, change: Array) -> Array:
        """(S, n_out) V: J times a change of the conductances (E,) [S]."""
        return -self.weights @ (self.source_drops.T @ (change[:, None] * self.adjoint_drops))

    def transposed_times(self, error: Array) -> Array:
        """(E,): Jᵀ times an output quantity (S, n_out)."""
        return -np.einsum("ea,ea->e", self.source_drops @ (self.weights.T @ error), self.adjoint_drops)


def sensitivity(circuit: Circuit, task: Task) -> Sensitivity:
    """Of a circuit's network at its present conductances; that of its exact model if it is not that itself.

    Raises:
        HwlearnError: the network is not linear.
    """
    network = circuit.network
    if not network.linear:
        raise HwlearnError(
            'learning_rate = "auto" rests on a linear network, and this one has other devices; give a number, such as a '
            "part of the limit that `hwlearn analyze` tells"
        )
    if isinstance(circuit, ExactCircuit):
        return Sensitivity.of(circuit, task)
    with ExactCircuit(network) as model:
        model.program(circuit.conductances)
        return Sensitivity.of(model, task)


def largest_rate(circuit: Circuit, task: Task, rule: Rule, slopes: Array | None = None) -> float:
    """λ_max of the rule's error dynamics for its loss, mean over the samples: plain steps below 2/λ_max are stable.

    Eigenvalue of Jᵀ W H J/S, where H is the curvature of the loss (Gauss–Newton) and W the rule's `TableRule.weight`, by power
    iteration. Parameters other than conductances have `slopes` (E,) ∂g/∂parameter.

    Raises:
        HwlearnError: the network is not linear, or the rule is no `TableRule`.
    """
    base = rule
    while isinstance(base, Remedy):
        base = base.rule
    if not isinstance(base, TableRule):
        raise HwlearnError(f'learning_rate = "auto": no rate is known of {type(base).__name__}; give a number')
    at = sensitivity(circuit, task)
    weight = base.weight(at.resistance, base.amplitude(at.network))
    scale = np.ones(len(at.source_drops)) if slopes is None else slopes

    change = np.random.default_rng(0).uniform(0.5, 1.5, len(scale)) * scale
    found = 0.0
    for _ in range(POWER_STEPS):
        norm = float(np.linalg.norm(change))
        if norm == 0:
            return 0.0
        signal = base.loss.curvature(at.outputs, at.targets, at.times(scale * change / norm))
        change = scale * at.transposed_times(signal @ weight.T) / len(at.outputs)
        before, found = found, float(np.linalg.norm(change))
        if abs(found - before) <= SETTLED * found:
            break
    return found
