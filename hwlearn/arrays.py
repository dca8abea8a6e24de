"""The types of arrays that all rooms share, and the seeds of random ones."""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import HwlearnError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

FLOAT = np.dtype(np.float64)
"""To compare a dtype with: with the type `np.float64` itself, that takes ten times as long."""


def seed_of(seed: object) -> int:
    """A seed as numpy takes it.

    Raises:
        HwlearnError: it is no whole number of 0 or more.
    """
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if number < 0 or isinstance(seed, bool):
        raise HwlearnError(f"seed is {seed!r}; it must be a whole number, 0 or more")
    return number
