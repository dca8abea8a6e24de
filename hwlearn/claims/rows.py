"""What a claim is checked with (`Bench`) and what it reports (`Row`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive, Inject
from hwlearn.learning.rules import AdjointCoupledLearning, CoupledLearning, EquilibriumPropagation
from hwlearn.learning.task import Task
from hwlearn.network import Network
from hwlearn.network.builders import kite

KITE = (1.0, 1.5, 1.3, 1.0, 1.0, 1.7)
"""Conductances [S] from which the reference numbers of docs/theory.md start."""

RULES = (EquilibriumPropagation, CoupledLearning, AdjointCoupledLearning)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        claim: letter and subject.
        statement: what is claimed.
        predicted, measured: numbers to compare.
        tolerance: how far they may differ, in words.
        passed: whether they agree.
        note: what an outlier is due to, and other remarks.
        series: numbers of a figure, by name.
    """

    claim: str
    statement: str
    predicted: str
    measured: str
    tolerance: str
    passed: bool
    note: str = ""
    series: dict[str, list[float]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "claim": self.claim,
            "statement": self.statement,
            "predicted": self.predicted,
            "measured": self.measured,
            "tolerance": self.tolerance,
            "passed": self.passed,
            "note": self.note,
        }


@dataclass(frozen=True)
class Bench:
    """The backend on which phases are measured, and how long one may take.

    What is measured comes from phases alone, so that it says the same of a matrix and of a simulator; predictions come from
    the exact model.
    """

    backend: Callable[[Network], Circuit]
    quick: bool = False

    @contextmanager
    def circuit(self, network: Network) -> Iterator[Circuit]:
        """A circuit of the backend."""
        with self.backend(network) as made:
            yield made

    def pick(self, full: int, quick: int) -> int:
        """A count, smaller for a quick run."""
        return quick if self.quick else full


def kite_task(delta: float) -> Task:
    """Targets (½ + δ, ½, ½ − δ) at T, M, W."""
    return Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]])


def kite_network() -> Network:
    """The kite at `KITE`."""
    return kite(KITE)


def random_problem(random: np.random.Generator, outputs: int = 2) -> tuple[Network, Task]:
    """A random connected network of five to seven nodes with two voltage inputs, and a target that is reachable."""
    count = int(random.integers(5, 8))
    names = [f"n{k}" for k in range(count)]
    pairs = {(int(random.integers(0, k)), k) for k in range(1, count)}
    while len(pairs) < min(2 * count, count * (count - 1) // 2):
        i, j = sorted(random.choice(count, 2, replace=False).tolist())
        pairs.add((i, j))
    inputs = random.choice(count, 2, replace=False).tolist()
    free = [k for k in range(count) if k not in inputs]
    ports = random.choice(free, outputs, replace=False).tolist()
    conductances = 10 ** random.uniform(-0.3, 0.3, len(pairs))
    network = Network.from_edges(
        [(names[i], names[j]) for i, j in sorted(pairs)],
        conductances,
        inputs=[names[k] for k in inputs],
        outputs=[names[k] for k in ports],
    )
    return network, Task([[1.0, 0.0]], np.zeros((1, outputs)))


def outputs_at(circuit: Circuit, conductances: Array, task: Task) -> Array:
    """(S, n_out) V, ports open."""
    circuit.program(conductances)
    return circuit.measure(Drive(task.inputs)).output_voltages


def differences(circuit: Circuit, conductances: Array, function: Any, step: float = 1e-3) -> Array:
    """Derivative of `function()` (any shape) by each conductance, last axis: central differences, extrapolated."""
    columns = []
    for e in range(len(conductances)):
        slopes = []
        for size in (2 * step * conductances[e], step * conductances[e]):
            shift = np.zeros(len(conductances))
            shift[e] = size
            circuit.program(conductances + shift)
            up = np.asarray(function())
            circuit.program(conductances - shift)
            slopes.append((up - np.asarray(function())) / (2 * size))
        columns.append((4 * slopes[1] - slopes[0]) / 3)
    circuit.program(conductances)
    return np.stack(columns, axis=-1)


def measured_resistance(circuit: Circuit, task: Task) -> Array:
    """R (n_out, n_out) Ω, from unit currents one by one."""
    count = task.targets.shape[1]
    inputs = np.repeat(task.inputs[:1], count, axis=0)
    base = circuit.measure(Drive(inputs)).output_voltages
    return (circuit.measure(Drive(inputs, Inject(np.eye(count)))).output_voltages - base).T
