"""Which samples are kept for the test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import seed_of
from hwlearn.errors import TaskError


def shares(test: float, samples: int) -> float:
    """The part of the samples that is kept for the test, as a fraction between 0 and 1.

    Raises:
        TaskError: no number between 0 and 1, or fewer than two samples.
    """
    if not 0 < test < 1:
        raise TaskError(f"test is {test}; give the part of the samples that is kept for the test, such as 0.25")
    if samples < 2:
        raise TaskError(f"{samples} samples cannot be split in two")
    return float(test)


def part_of_each(groups: NDArray[np.intp], part: float, seed: int) -> NDArray[np.bool_]:
    """(S,) mask of a part of each group, drawn at random: at least one sample of all, and never a whole group.

    What is rounded in one group is made up for in the next, so that the total is right to one sample.
    """
    random = np.random.default_rng(seed_of(seed))
    kept, owed = np.zeros(len(groups), dtype=bool), 0.0
    for group in np.unique(groups):
        members = random.permutation(np.flatnonzero(groups == group))
        owed += part * len(members)
        number = int(np.clip(round(owed), 0, len(members) - 1))
        owed -= number
        kept[members[:number]] = True
    if not kept.any():
        largest = np.flatnonzero(groups == np.bincount(groups).argmax())
        if len(largest) < 2:
            raise TaskError("every class has one sample only: nothing can be kept for a test")
        kept[random.choice(largest)] = True
    return kept
