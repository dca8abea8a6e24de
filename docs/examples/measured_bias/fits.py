"""Parameters of a `GatePair` from part of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq, least_squares

from hwlearn.arrays import Array
from measured_bias.measured import Measured
from measured_bias.pair import GatePair


@dataclass(frozen=True, eq=False)
class Lines:
    """Solution lines with their uncertainty.

    Attributes:
        values: (2, 2): slope and intercept [V] for task 0 and task 1.
        uncertainty: (2, 2), likewise.
    """

    values: Array
    uncertainty: Array

    @classmethod
    def of(cls, measured: Measured) -> Lines:
        """The published lines. The path of task 1 is not straight: lines through its halves differ from one through all of it,
        and by how much is the uncertainty (relative, of the slopes) of both lines; those published have none."""
        middle = len(measured.drift) // 2
        whole, *halves = (np.polyfit(part[:, 1], part[:, 2], 1) for part in _parts(measured.drift, middle))
        slope, intercept = np.abs(np.array(halves) - whole).max(axis=0)
        values = np.array(measured.LINES)
        return cls(values, np.stack([values[:, 0] * slope / whole[0], [intercept, intercept]], axis=1))


def fit_lines(pair: GatePair, lines: Lines) -> GatePair:
    """`gain` and `threshold` from both lines: two parameters for four numbers."""

    def residual(x: Array) -> Array:
        tried = replace(pair, gain=float(x[0]), threshold=float(x[1]))
        return ((np.array([tried.solution_line(0), tried.solution_line(1)]) - lines.values) / lines.uncertainty).ravel()

    found = least_squares(residual, [pair.gain, pair.threshold]).x
    return replace(pair, gain=float(found[0]), threshold=float(found[1]))


def fit_dynamics(pair: GatePair, measured: Measured) -> GatePair:
    """`rate` and `bias` from one limit cycle and one drift, all points alike.

    The cycle's first point is some time before the switch to task 1, and its state there is not known: three more unknowns.
    """
    drift = measured.drift - [measured.drift[0, 0], 0.0, 0.0]
    half = measured.CYCLE_PERIOD / 2

    def tried(x: Array) -> GatePair:
        return replace(pair, rate=float(1e3 * x[0]), bias=(float(x[1]), float(x[2])))

    def residual(x: Array) -> Array:
        guess = tried(x)
        one = guess.path(x[4:6], 1, half, 60)
        zero = guess.path(one[-1], 0, half, 60)
        before = zero - zero[-1] + x[4:6]  # the same cycle, a period earlier
        times = np.linspace(-half, 2 * half, 181)
        states = np.vstack([before[:-1], one, zero[1:]])
        at = (np.arange(len(measured.cycle)) - x[3]) * measured.CYCLE_PERIOD / len(measured.cycle)
        off = [_at(at, times, states) - measured.cycle, zero[-1:] - x[4:6]]
        alone = guess.path(drift[0, 1:], 1, float(drift[-1, 0]), 100)
        off.append(_at(drift[:, 0], np.linspace(0, drift[-1, 0], 101), alone) - drift[:, 1:])
        return np.vstack(off).ravel()

    first = [pair.rate / 1e3, *pair.bias, 1.0, *measured.cycle[0]]
    return tried(least_squares(residual, first, x_scale=[1, 1, 1, 0.3, 0.1, 0.1]).x)


def fit_late(pair: GatePair, measured: Measured, points: int = 3) -> GatePair:
    """`late` from the spans of the shortest periods, which grow like (period + late)²."""
    few = np.argsort(measured.periods)[:points]

    def residual(late: float) -> float:
        spans = replace(pair, late=late).cycles(measured.periods[few]).spans
        return float(np.log(spans / measured.spans[few]).sum())

    return replace(pair, late=float(brentq(residual, 0.0, float(measured.periods[few].max()), xtol=1e-7)))


def _parts(rows: Array, middle: int) -> tuple[Array, Array, Array]:
    return rows, rows[:middle], rows[middle:]


def _at(times: Array, known: Array, states: Array) -> Array:
    """(K, 2): states at `times`, by linear interpolation."""
    return np.column_stack([np.interp(times, known, column) for column in states.T])
