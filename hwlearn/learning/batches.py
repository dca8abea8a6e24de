"""`Batches`: the samples of each step."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import seed_of
from hwlearn.errors import HwlearnError
from hwlearn.learning.arguments import check_count
from hwlearn.learning.task import Task


class Batches:
    """The samples of each step: a function of step and seed alone, so that a training can go on at any of them.

    Args:
        task: all samples.
        size: samples per step, drawn without replacement, reshuffled each epoch; all of them if None.
        seed: of the shuffling.
        whole: the task of a step that takes all samples: `task`, or a short one with the same moments.

    Attributes:
        per_epoch: steps of an epoch. Samples that are left over when these are full wait for the next shuffling.

    Raises:
        HwlearnError: a size that does not fit the task.
    """

    def __init__(self, task: Task, size: int | None, seed: int, whole: Task) -> None:
        if size is not None:
            check_count("batch_size", size, 1)
            if size > len(task):
                raise HwlearnError(f"batch_size is {size}; it must be between 1 and the {len(task)} samples of the task")
        self._task, self._size, self._seed, self._whole = task, size, seed_of(seed), whole
        self.per_epoch = 1 if size is None else len(task) // size
        self._epoch = -1
        self._order = np.empty(0, dtype=np.intp)

    def at(self, step: int) -> Task:
        """The samples of a step."""
        if self._size is None:
            return self._whole
        epoch, batch = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self._seed, epoch)).permutation(len(self._task))
        return self._task.batch(self._order[batch * self._size : (batch + 1) * self._size])
