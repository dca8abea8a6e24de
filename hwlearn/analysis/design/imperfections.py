"""`Imperfections`: of parts and bench, and the error floor that they leave a design with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.analysis.floors import bias_floor, drift_floor, noise_floor
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.errors import HwlearnError
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import RULES

if TYPE_CHECKING:
    from hwlearn.analysis.design.problem import Problem
    from hwlearn.analysis.design.solved import Solved

SMALL = 0.01
"""The nudge where none is given, as a part of (or over) the output resistance: predictions are those of small nudges."""


@dataclass(frozen=True)
class Imperfections:
    """What parts and bench do. Tolerance leaves no floor: an edge that overdoes its steps is told less.

    Attributes:
        noise: rms of each reading of a node [V].
        drift: amplitude of offsets that wander, in a period of `drift_period` readings [V].
        bias: half width [S] of the uniform distribution from which each edge has what it moves by itself in each step.
    """

    noise: float = 0.0
    drift: float = 0.0
    drift_period: float = 1000.0
    bias: float = 0.0

    @property
    def fed_back(self) -> bool:
        """Whether any acts on what is learned, so that its floor hangs on the rule, its rate and its nudge."""
        return bool(self.noise or self.drift or self.bias)


def floor(problem: Problem, circuit: Solved, learning_rate: float) -> float:
    """Mean of ½‖o − y‖² [V²] at a solution: ‖J diag(Δ)‖²/24 of conductances off by up to half a step Δ between levels, and
    what noise, drift and bias add (`hwlearn.analysis.floors`); infinite if training is not stable at the rate."""
    given = problem.imperfections
    total = float(((circuit.jacobian() * problem.steps(circuit.conductances)) ** 2).sum()) / 24 / circuit.plan.samples
    if not given.fed_back:
        return total
    network = problem.network(circuit)
    try:
        near = Linearised.of(jacobian(network, problem.task), rule_at(problem, circuit))
        if given.noise:
            total += noise_floor(near, learning_rate, given.noise).loss
        if given.drift:
            total += drift_floor(near, learning_rate, given.drift, given.drift_period).loss
        if given.bias:
            for one in given.bias / np.sqrt(3) * np.eye(len(network.edges)):  # their mean squares add
                total += bias_floor(near, learning_rate, one).loss
    except HwlearnError:
        return np.inf
    return total


def rule_at(problem: Problem, circuit: Solved) -> Rule:
    """The rule that trains a circuit."""
    nudge = nudge_at(problem, circuit)
    return RULES.get(problem.rule)(symmetric=True, **({} if nudge is None else {"nudge": nudge}))


def nudge_at(problem: Problem, circuit: Solved) -> float | None:
    """Of the rule, in its unit: the problem's, or one that is small beside the output resistance; None for CL's own."""
    if problem.nudge is not None:
        return problem.nudge
    ohms = np.linalg.eigvalsh(circuit.resistance)
    if problem.rule == "cl":
        return None
    return float(f"{SMALL / ohms[-1] if problem.rule == 'ep' else SMALL * ohms[0]:.2g}")
