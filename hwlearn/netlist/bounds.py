"""Bounds of edges that are not trained: they hold the edge, whatever it is."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holding(
    bounds: tuple[ArrayLike, ArrayLike],
    conductances: Mapping[str, float],
    trainable: Sequence[str] | NDArray[np.bool_] | None,
) -> tuple[ArrayLike, ArrayLike]:
    """Lower and upper bounds [S], widened to the conductances of the edges that are not trained.

    Args:
        bounds: one for all edges, or (E,).
        conductances: of the edges [S], by name.
        trainable: patterns of names, or a mask (E,), of the edges whose bounds stay; None for all.
    """
    if trainable is None:
        return bounds
    if isinstance(trainable, np.ndarray):
        free = ~trainable
    else:
        patterns = [pattern.lower() for pattern in trainable]
        free = np.array(
            [not any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in patterns) for name in conductances], dtype=bool
        )
    at, (lower, upper) = np.array(list(conductances.values())), bounds
    try:
        return np.where(free, np.minimum(lower, at), lower), np.where(free, np.maximum(upper, at), upper)
    except (ValueError, TypeError):  # of another shape: told where networks are made
        return bounds
