"""`iterate`: a rule's own steps on the exact Jacobian, counted until the task is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwlearn.analysis.design.objectives import rates
from hwlearn.analysis.design.solved import Solved
from hwlearn.arrays import Array

FACTORS = (1.2, 1.0, 0.8, 0.6, 0.4, 0.2)
"""Parts of the rate that is best near the end, 2/(λ_min + λ_max), that are tried from the start."""


@dataclass(frozen=True, eq=False)
class Course:
    """How a training goes.

    Attributes:
        steps: until the loss is reached, or those that were tried.
        reached: whether it was. steady: the loss fell to the last; smaller rates are slower then.
        learning_rate: of the course.
        end: the circuit that it ends with.
    """

    steps: int
    reached: bool
    steady: bool
    learning_rate: float
    end: Solved


def spectrum(circuit: Solved, rule: str) -> Array:
    """Rates (S·n_out,) of the rule's error dynamics, rising."""
    jacobian = circuit.jacobian()
    independent = len(circuit.plan.inputs)
    found = rates(jacobian @ jacobian.T, circuit.resistance, rule, independent)
    return found * independent / circuit.plan.samples


def iterate(
    start: Solved, rule: str, bounds: tuple[float, float], loss: float, learning_rate: float, most: int = 20_000
) -> Course:
    """g ← g − η Jᵀ (1 ⊗ R⁻ᵏ)(o − y)/S within bounds [S], which are the rule's steps for a small nudge (docs/theory.md).

    AL's free phase is the one whose outputs are held at the targets: drops are those of that phase.

    `loss` is in the unit of the rule's own: ½‖o − y‖² V² for EP and CL, ½‖R⁻¹(o − y)‖² A² for AL, mean over the samples.
    """
    here, samples, left, least = start, start.plan.samples, np.inf, np.inf
    for step in range(most):
        volts, ohms = here.drops(here.tails, here.heads)
        signal = here.error
        if rule == "al":
            signal = _solved(here.resistance, signal)
            volts = np.asarray(volts - ohms @ signal.T)
        left = 0.5 * (float((signal**2).sum()) + start.plan.missed) / samples
        if left <= loss:
            return Course(step, True, True, learning_rate, here)
        if not left < 1e6 * least:
            return Course(most, False, False, learning_rate, here)
        least = min(least, left)
        if rule != "ep":
            signal = _solved(here.resistance, signal)
        falling = np.einsum("es,es->e", volts, ohms @ signal.T) * here.trainable / samples
        here = here.with_conductances(np.clip(here.conductances + learning_rate * falling, *bounds))
    return Course(most, False, left == least, learning_rate, here)


def _solved(resistance: Array, signal: Array) -> Array:
    """R⁻¹ of each sample's signal (S, n_out)."""
    return np.asarray(np.linalg.solve(resistance, signal.T).T, dtype=float)


def fastest(start: Solved, end: Solved, rule: str, bounds: tuple[float, float], loss: float, most: int = 20_000) -> Course:
    """The course of the best of some learning rates around the one that is best near `end`."""
    found = spectrum(end, rule)
    whole = float(found[0] + found[-1]) or 1.0  # without any current no rate moves an output
    best: Course | None = None
    for factor in FACTORS:  # falling
        rate = factor * 2 / whole
        course = iterate(start, rule, bounds, loss, rate, most if best is None else best.steps)
        if best is None or (course.reached and (course.steps < best.steps or not best.reached)):
            best = course
        if course.steady and not course.reached:
            break
    assert best is not None
    return best
