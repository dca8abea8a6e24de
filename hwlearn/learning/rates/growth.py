"""`Growth`: says when a loss grows that should fall."""

from __future__ import annotations

import math
import warnings

import numpy as np

from hwlearn.errors import HwlearnWarning

GROWN = 10.0
"""By what factor a loss must have grown to be told."""

ROUNDING = 1e-12
"""Losses below this part of the first one may grow: by rounding, by noise, by what a nudge leaves."""

WINDOW = 25
"""Steps, at least, of which the mean loss counts where single steps scatter."""


class Growth:
    """Warns once where the loss has grown `GROWN` times: since its lowest, by plain steps of all samples without noise.

    Momentum and adam overshoot, and noise and minibatches scatter: there the mean of a window counts, against the first.

    Args:
        smooth: whether the loss should fall at each step.
        per_epoch: steps of an epoch; a window is one at least.
        remedy: what to do.
    """

    def __init__(self, smooth: bool, per_epoch: int, remedy: str) -> None:
        self._smooth, self._size, self._remedy = smooth, max(per_epoch, WINDOW), remedy
        self._first = self._lowest = math.inf
        self._window: list[float] = []
        self._told = False

    def look(self, step: int, loss: float, noisy: bool, rate: float | np.ndarray) -> None:
        """Take note of the loss before a step, and of the learning rate of the steps that led there.

        Warns:
            HwlearnWarning: it grew; says what to do.
        """
        if self._told:
            return
        if self._smooth and not noisy:
            self._judge(step, loss, rate)
            self._lowest = min(self._lowest, loss)
            return
        self._window.append(loss)
        if len(self._window) == self._size:
            mean = float(np.mean(self._window))
            self._window.clear()
            self._judge(step, mean, rate)
            self._lowest = min(self._lowest, mean) if math.isinf(self._lowest) else self._lowest

    def _judge(self, step: int, loss: float, rate: float | np.ndarray) -> None:
        self._first = loss if math.isinf(self._first) else self._first
        if loss > GROWN * self._lowest and self._lowest > ROUNDING * self._first:
            self._told = True
            warnings.warn(
                f"step {step}: the loss grew from {self._lowest:.3g} to {loss:.3g}: the learning rate "
                f"{float(np.max(rate)):.3g} is too large here; {self._remedy}",
                HwlearnWarning,
                stacklevel=5,
            )
