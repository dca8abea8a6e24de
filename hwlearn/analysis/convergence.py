"""Rates read off a run, for comparison with the predicted ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.analysis.coercivity import Spectrum, coercivity
from hwlearn.analysis.jacobian import jacobian
from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError
from hwlearn.learning.task import Task
from hwlearn.network import Network

FLOOR = 1e-22
"""Losses below this part of the first one are rounding."""

STEADY = 2e-3
"""A window is steady if the rates of its halves agree to this part."""


@dataclass(frozen=True)
class Decay:
    """An exponential decay of a loss, fitted over a window that chose itself.

    Attributes:
        rate: −d ln(loss)/dx, per step or per unit of time.
        start, stop: the window, as indices into the losses.
        steady: the halves of the window agree; otherwise several modes decay in it, or it is no exponential.
    """

    rate: float
    start: int
    stop: int
    steady: bool

    def mode(self, learning_rate: float | None = None) -> float:
        """The rate λ of the slowest active mode behind the decay: rate = 2λ, or −2 ln(1 − αλ) in discrete time."""
        return self.rate / 2 if learning_rate is None else (1 - float(np.exp(-self.rate / 2))) / learning_rate


def fit_decay(losses: ArrayLike, at: ArrayLike | None = None, floor: float = FLOOR) -> Decay:
    """Fit the late decay of losses (K,) at steps or times `at` (0, 1, 2, … if not given).

    The window ends where the loss meets its floor, and starts as early as its two halves still agree on the rate: from the
    last seven tenths of the decades down to the last tenth.

    Raises:
        HwlearnError: fewer than eight losses above the floor.
    """
    values = np.asarray(losses, dtype=np.float64)
    x = np.arange(len(values), dtype=np.float64) if at is None else np.asarray(at, dtype=np.float64)
    low = np.flatnonzero(~(values > floor * values.max(initial=0.0)))
    stop = int(low[0]) if len(low) else len(values)
    if stop < 8:
        raise HwlearnError(f"only {stop} losses above the floor: run longer, or with a smaller learning rate")
    logs = np.log(values[:stop])
    found = None
    for part in (0.7, 0.5, 0.35, 0.25, 0.15, 0.1):
        start = int(np.flatnonzero(logs > logs[-1] + part * (logs.max() - logs[-1]))[-1]) + 1 if np.ptp(logs) else 0
        if stop - start < 8 and found is not None:
            break
        start = min(start, stop - 8)
        middle = int(np.searchsorted(x, (x[start] + x[stop - 1]) / 2))
        halves = [_slope(x[a:b], logs[a:b]) for a, b in ((start, middle), (middle, stop)) if b - a >= 3]
        rate = _slope(x[start:stop], logs[start:stop])
        steady = len(halves) == 2 and abs(halves[0] - halves[1]) <= STEADY * abs(rate)
        found = Decay(-rate, start, stop, steady)
        if steady:
            break
    assert found is not None
    return found


@dataclass(frozen=True)
class RateComparison:
    """A run's rate beside the one that coercivity predicts at its end.

    Attributes:
        predicted: λ of the slowest mode at the end of the run, mean over the samples.
        decay: what was fitted.
        measured: the mode behind the fitted decay.
        spectrum: of the rule, at the end of the run: close eigenvalues explain an unsteady fit.
    """

    predicted: float
    measured: float
    decay: Decay
    spectrum: Spectrum

    @property
    def ratio(self) -> float:
        """Measured over predicted."""
        return self.measured / self.predicted


def compare(
    network: Network,
    task: Task,
    rule: str,
    conductances: ArrayLike,
    losses: ArrayLike,
    *,
    learning_rate: float | None = None,
    times: ArrayLike | None = None,
    floor: float = FLOOR,
) -> RateComparison:
    """Compare the decay of a run's losses with the prediction at its last conductances.

    Args:
        network, task: what was trained.
        rule: name of the rule that trained it, "ep", "cl" or "al", with small or symmetric nudges.
        conductances: (E,) S at the end of the run.
        losses: (K,) as observed by the rule.
        learning_rate: α of a run in discrete time with plain steps; not for a flow.
        times: (K,) of the losses of a flow.
        floor: as in `fit_decay`.
    """
    spectrum = coercivity(jacobian(network, task, conductances)).spectra[rule]
    decay = fit_decay(losses, times, floor)
    return RateComparison(spectrum.slowest, decay.mode(learning_rate), decay, spectrum)


def mass(conductances: ArrayLike) -> Array:
    """½ Σ g² [S²] along the last axis: what EP and CL conserve while every edge learns (arXiv:2606.15444)."""
    return 0.5 * (np.asarray(conductances, dtype=np.float64) ** 2).sum(axis=-1)


def _slope(x: Array, y: Array) -> float:
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
