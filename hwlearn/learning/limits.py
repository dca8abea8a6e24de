"""`Limits`: between which conductances training keeps each edge."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hwlearn.arrays import FLOAT, Array
from hwlearn.circuits.newton.single import inwards

Kind = TypeVar("Kind", bound=np.floating)

LARGEST = float(np.finfo(np.float64).max)

FEW = 8
"""Runs of edges with the same bounds up to which a pass over each is faster than reading the bounds of every edge."""

MANY = 4096
"""Edges from which it is."""


class Limits:
    """Bounds of trainable edges; the others have none, for no step moves them.

    Args:
        lower, upper: (E,) S. trainable: (E,).
        dtype: of what is moved; the bounds are rounded to it inwards. Where no number of it is between them, the edge stays at
            the next one.
    """

    def __init__(self, lower: Array, upper: Array, trainable: NDArray[np.bool_], dtype: DTypeLike = FLOAT) -> None:
        self._dtype = np.dtype(dtype)
        largest = min(LARGEST, float(np.finfo(self._dtype).max))
        self._lower = inwards(np.where(trainable, lower, -np.inf), np.inf, self._dtype)
        self._upper = inwards(np.where(trainable, np.minimum(upper, largest), np.inf), -np.inf, self._dtype)
        np.maximum(self._upper, self._lower, out=self._upper)
        self._probe = int(trainable.argmax()) if len(trainable) else None
        other = (self._lower[1:] != self._lower[:-1]) | (self._upper[1:] != self._upper[:-1])
        starts = np.concatenate(([0], 1 + np.flatnonzero(other)))
        ends = [*starts[1:].tolist(), len(trainable)]
        self._runs = None
        if len(starts) <= FEW and len(trainable) >= MANY:
            self._runs = [
                (slice(start, end), float(self._lower[start]), float(self._upper[start]))
                for start, end in zip(starts.tolist(), ends, strict=True)
                if self._lower[start] > -np.inf  # of those that are trained
            ]

    def moved(self, wanted: NDArray[Kind], change: NDArray[np.floating], counting: bool) -> tuple[NDArray[Kind], int]:
        """(E,) S: `wanted` (E,) and its change (E,), which is overwritten, within the bounds; how many edges a bound stopped.

        They are counted if asked for, or if one edge that stands for all was stopped; else 0.
        """
        new: NDArray[Any] = change.astype(self._dtype, copy=False)
        new += wanted
        probe = self._probe
        if probe is None:
            return new, 0
        if self._runs is None:
            within = np.maximum(new, self._lower)
            np.minimum(within, self._upper, out=within)
            counting = counting or new[probe] != within[probe]
        else:
            counting = counting or not self._lower[probe] <= new[probe] <= self._upper[probe]
            within, new = new, new.copy() if counting else new
            for part, lower, upper in self._runs:
                here = within[part]
                here.clip(lower, upper, out=here)
        return within, int(np.count_nonzero(new != within)) if counting else 0
