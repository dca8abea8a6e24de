"""`OBJECTIVES`: what a design can be asked to be good at, by name, each with its formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.analysis.design.estimated import steps_until
from hwlearn.analysis.design.imperfections import floor
from hwlearn.analysis.design.objectives import condition, rates
from hwlearn.analysis.design.settled import settle
from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Array, Indices

if TYPE_CHECKING:
    from hwlearn.analysis.design.problem import Problem
    from hwlearn.analysis.design.search import Design


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is known of C circuits that are not solved.

    Attributes:
        grams: J Jᵀ (C, S·n_out, S·n_out) V²/S². resistances: R (C, n_out, n_out) Ω.
        powers: (C,) W, summed over the samples. errors: o − y (C, S·n_out) V.
    """

    grams: Array
    resistances: Array
    powers: Array
    errors: Array

    @classmethod
    def of(cls, circuit: Solved) -> Outlook:
        """Of one circuit as it is."""
        jacobian = circuit.jacobian()
        return cls(
            (jacobian @ jacobian.T)[None], circuit.resistance[None], np.array([circuit.power]), circuit.error.reshape(1, -1)
        )

    @classmethod
    def with_edge(cls, circuit: Solved, new: Indices, conductance: float) -> Outlook:
        """Of a circuit with one edge more, of `conductance` [S], for each pair of nodes (C, 2)."""
        added = new[:, 0], new[:, 1], conductance
        return cls(*circuit.grams_with(*added), circuit.powers_with(*added), circuit.errors_with(*added))


@dataclass(frozen=True)
class Objective:
    """One thing to be good at.

    Attributes:
        formula: what it is, in symbols. unit: of its value.
        cost: of a design, lower is better; minus the value where more is better.
        screen: an estimate of the order of costs (C,) of C circuits from their `Outlook`.
    """

    formula: str
    unit: str
    cost: Callable[[Design], float]
    screen: Callable[[Problem, Outlook], Array]

    def value(self, found: Design) -> float:
        """Of a design, in `unit`."""
        return abs(self.cost(found))


def constants(found: Design) -> Array:
    """σ_min(J)² [V²/S²] (F,) on the solution manifold of each target of the problem's family; 0 where it is not reached."""
    problem = found.problem
    start = found.start
    least = np.zeros(len(problem.relatives))
    for k, plan in enumerate(problem.relatives):
        asked = replace(start.plan, targets=plan.targets, missed=plan.missed)
        there = settle(replace(start, plan=asked), problem.bounds) if plan.reachable else None
        if there is not None:
            jacobian = there.jacobian()
            least[k] = max(float(np.linalg.eigvalsh(jacobian @ jacobian.T)[0]), 0.0)
    return least


def _steps(found: Design) -> float:
    return float(found.course.steps) if found.course.reached else np.inf


def _constant(found: Design) -> float:
    return -float(np.quantile(constants(found), found.problem.lowest)) if found.problem.family else -found.constant


def _floor(found: Design) -> float:
    return floor(found.problem, found.solution, found.course.learning_rate)


def _floors(problem: Problem, seen: Outlook) -> Array:
    """‖J‖² (1 + ‖δ‖²/g²): steps between levels are alike at the start g, and J follows the shortest way δ to the targets.

    What is fed back is amplified by slow modes: conditions then.
    """
    if problem.imperfections.fed_back:
        return _conditions(problem, seen)
    sizes = np.trace(seen.grams, axis1=-2, axis2=-1)
    errors = seen.errors.reshape(len(sizes), -1, 1)
    damping = 1e-12 * np.where(sizes > 0, sizes, 1.0)
    steps = np.linalg.solve(seen.grams + damping[:, None, None] * np.eye(errors.shape[1]), errors)
    far = (errors * steps).sum(axis=(1, 2)) / problem.start**2
    return np.where(sizes > 0, sizes * (1.0 + far), np.inf)


def _conditions(problem: Problem, seen: Outlook) -> Array:
    """λ_max/λ_min; for targets that cannot be met, EP's steps to the loss by the linear dynamics."""
    plan = problem.plan
    if not plan.reachable:
        return steps_until(seen.grams, seen.errors, plan.samples, plan.missed, problem.loss)
    return condition(rates(seen.grams, seen.resistances, problem.rule, len(problem.plan.inputs)))


OBJECTIVES: dict[str, Objective] = {
    "steps": Objective("steps of the rule from the start until the loss is reached", "", _steps, _conditions),
    "condition": Objective("λ_max/λ_min of the rule", "", lambda found: found.condition, _conditions),
    "constant": Objective(
        "σ_min(J)²; for a family of targets that of the lowest 5 %, or the worst",
        "V²/S²",
        _constant,
        lambda problem, seen: np.asarray(-np.linalg.eigvalsh(seen.grams)[..., 0], dtype=float),
    ),
    "floor": Objective(
        "‖J diag(Δ)‖²/24 over the samples, each g off by up to half a step Δ of its levels; and what noise, drift, bias add",
        "V²",
        _floor,
        _floors,
    ),
    "power": Objective(
        "Σ g (Δv)² over edges and samples: what is dissipated on the solution manifold",
        "W",
        lambda found: found.solution.power,
        lambda problem, seen: seen.powers,
    ),
    "edges": Objective("number of trainable edges", "", lambda found: float(found.start.trainable.sum()), _conditions),
}
"""By the names of a design file."""
