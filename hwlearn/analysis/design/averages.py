"""`averages_miss`: how far the targets are from what any circuit of resistors can do."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from hwlearn.analysis.design.problem import Problem
from hwlearn.text import GROUND

SUMMED = 1e6
"""Weight of the row that makes weights add up to one, beside the largest number of the task."""


def averages_miss(problem: Problem) -> float:
    """√ of the mean of (o − y)² [V] at the best averages of what is held: no graph and no conductances come closer.

    A potential in a circuit of resistors is an average of the held ones, with weights ≥ 0 that add up to one (the maximum
    principle), the same ones for all samples; a difference of two nodes is that of two averages.
    """
    known, targets = problem.known, problem.task.targets
    heavy = SUMMED * max(float(np.abs(known).max()), float(np.abs(targets).max()), 1.0)
    total = 0.0
    for port, wanted in zip(problem.outputs, targets.T, strict=True):
        signs = (1.0,) if port.minus == GROUND else (1.0, -1.0)
        rows = np.hstack([sign * known for sign in signs])
        sums = heavy * np.kron(np.eye(len(signs)), np.ones(known.shape[1]))
        weights, _ = nnls(np.vstack((rows, sums)), np.r_[wanted, np.full(len(signs), heavy)])
        total += float(((rows @ weights - wanted) ** 2).sum())
    return float(np.sqrt(total / targets.size))
