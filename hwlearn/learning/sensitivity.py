"""`Sensitivity`: how the outputs of a linear network follow its conductances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.learning.task import Task
from hwlearn.network import Network


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """J (S·n_out, E) = ∂o/∂g [V/S], never formed: see `hwlearn.analysis.jacobian.Jacobian`.

    Attributes:
        network, conductances: where it was taken, (E,) S.
        source_drops: D (E, q), drops in each edge per unit of each source, or of each of few combinations of them.
        adjoint_drops: Λ (E, n_out), drops per unit current into each output; zero on fixed edges.
        weights: X (S, q), the sources or combinations in each sample.
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
        """The sensitivity of a circuit at its present conductances, for a task that fits its ports."""
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
            found.volts,
        )

    def times(self, change: Array) -> Array:
        """(S, n_out) V: J times a change of the conductances (E,) [S]."""
        return -self.weights @ (self.source_drops.T @ (change[:, None] * self.adjoint_drops))

    def transposed_times(self, error: Array) -> Array:
        """(E,): Jᵀ times an output quantity (S, n_out)."""
        return -np.einsum("ea,ea->e", self.source_drops @ (self.weights.T @ error), self.adjoint_drops)


def sensitivity(circuit: Circuit, task: Task) -> Sensitivity:
    """The sensitivity of a circuit at its present conductances, by its exact model if it is another kind of circuit.

    Raises:
        ModelError: the network is not linear.
    """
    if isinstance(circuit, ExactCircuit):
        return Sensitivity.of(circuit, task)
    with ExactCircuit(circuit.network) as model:
        model.program(circuit.conductances)
        return Sensitivity.of(model, task)
