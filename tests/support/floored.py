"""Two circuits with solved tasks, and how fast rules learn near the solution."""

import numpy as np

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    EquilibriumPropagation,
    Task,
)
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.network.builders import grid, kite

KITE = kite((1.0, 1.5, 1.3, 1.0, 1.0, 1.7))
GRID = grid(3, 3, np.random.default_rng(0).uniform(0.5, 2, 12), outputs=["n1_1", "n0_2"])
PROBLEMS = {
    "kite": (KITE, Task([[1.0, 0.0]], [[0.7, 0.5, 0.3]])),
    "grid": (GRID, Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.47, 0.56]])),
}
SOLVED = {name: project(network, task) for name, (network, task) in PROBLEMS.items()}
RULES = {"ep": EquilibriumPropagation, "cl": CoupledLearning, "al": AdjointCoupledLearning}
WITHIN = 0.2


def near(problem: str, rule: str, nudge: float, symmetric: bool, conductances: np.ndarray | None = None) -> Linearised:
    network, task = PROBLEMS[problem]
    at = SOLVED[problem].jacobian if conductances is None else jacobian(network, task, conductances)
    return Linearised(at, rule, nudge, symmetric)


def pace(linear: Linearised) -> tuple[float, int]:
    """A stable learning rate, and steps in which the slowest mode settles."""
    rates = np.linalg.eigvals(linear.rates).real
    learning_rate = 0.3 / rates.max()
    return learning_rate, int(3 / (learning_rate * rates.min()))


def resistor(nudge: float, symmetric: bool) -> EquilibriumPropagation:
    return EquilibriumPropagation(nudge, symmetric, by="resistor")
