"""Many noisy copies of one small network learning at once, by dense nodal analysis: what predicted floors are checked against.

Independent of the package's circuits, rules and Jacobians. Voltage inputs and outputs at nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn import Network, Task


@dataclass
class Replicas:
    """Copies (R) of a network that learns a task (S samples) by "ep", "cl" or "al".

    `volts`, `amperes`: deviations of the readings; `offsets` (N,) V; `bias` (E,) S per step.
    """

    network: Network
    task: Task
    rule: str
    nudge: float
    symmetric: bool
    volts: float = 0.0
    amperes: float = 0.0
    offsets: np.ndarray | float = 0.0
    bias: np.ndarray | float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        index = self.network.node_index
        self.driven = [index[source.plus] for source in self.network.inputs]
        self.ports = [index[port.plus] for port in self.network.outputs]
        self.incidence = self.network.incidence.toarray()

    def voltages(self, g: np.ndarray, held: np.ndarray | None = None, injected: np.ndarray | None = None) -> np.ndarray:
        """(R, S, N): inputs driven; outputs open, held at (R, S, n_out) or injected with it."""
        copies, nodes, samples = len(g), len(self.network.nodes), len(self.task)
        laplacian = np.einsum("en,re,em->rnm", self.incidence, g, self.incidence)
        fixed = self.driven + (self.ports if held is not None else [])
        free = [n for n in range(nodes) if n not in fixed]
        v = np.zeros((copies, samples, nodes))
        v[:, :, self.driven] = self.task.inputs
        if held is not None:
            v[:, :, self.ports] = held
        current = np.zeros((copies, samples, nodes))
        if injected is not None:
            current[:, :, self.ports] = injected
        right = current[:, :, free] - np.einsum("rfb,rsb->rsf", laplacian[:, free][:, :, fixed], v[:, :, fixed])
        v[:, :, free] = np.linalg.solve(laplacian[:, free][:, :, free], right.transpose(0, 2, 1)).transpose(0, 2, 1)
        return v

    def currents(self, g: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(R, S, n_out) A into the held outputs: Kirchhoff at these nodes."""
        flows = np.einsum("rsn,en,re->rse", v, self.incidence, g)
        return np.einsum("rse,en->rsn", flows, self.incidence)[:, :, self.ports]

    def read(self, v: np.ndarray) -> np.ndarray:
        return v + self.offsets + self.volts * self.random.standard_normal(v.shape)

    def direction(self, g: np.ndarray) -> np.ndarray:
        """(R, E): one reading of ġ."""
        y = self.task.targets
        if self.rule == "al":
            true = self.voltages(g, held=np.broadcast_to(y, (len(g), *y.shape)))
            observed = self.currents(g, true)
            observed = observed + self.amperes * self.random.standard_normal(observed.shape)
        else:
            true = self.voltages(g)
        free = self.read(true)
        if self.rule != "al":
            observed = free[:, :, self.ports] - y

        def nudged(size: float) -> np.ndarray:
            if self.rule == "ep":
                return self.read(self.voltages(g, injected=-size * observed))
            base = y if self.rule == "al" else free[:, :, self.ports]
            return self.read(self.voltages(g, held=base - size * observed))

        squares = [(v @ self.incidence.T) ** 2 for v in self.phases(free, nudged)]
        sides = 2 if self.symmetric else 1
        sign = 1 if self.rule == "al" else -1
        return sign * (squares[0] - squares[1]).mean(axis=1) / (2 * sides * self.nudge)

    def phases(self, free: np.ndarray, nudged: object) -> tuple[np.ndarray, np.ndarray]:
        return (nudged(self.nudge), nudged(-self.nudge) if self.symmetric else free)  # type: ignore[operator]

    def losses(self, g: np.ndarray) -> np.ndarray:
        """(R,) ½‖e‖², mean over the samples, of the true outputs."""
        return 0.5 * ((self.voltages(g)[:, :, self.ports] - self.task.targets) ** 2).sum(axis=(1, 2)) / len(self.task)

    def learn(self, start: np.ndarray, copies: int, steps: int, learning_rate: float, settle: int) -> tuple[float, np.ndarray]:
        """Mean loss after `settle` steps, over copies and steps; and the last conductances (R, E)."""
        g, seen = np.tile(start, (copies, 1)), []
        for step in range(steps):
            g = g + learning_rate * self.direction(g) + self.bias
            if step >= settle:
                seen.append(self.losses(g).mean())
        return float(np.mean(seen)), g
