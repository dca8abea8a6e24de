"""`Kept`: a long training that goes on where it was killed. Used by `published_drn.py`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from hwlearn.arrays import Array
from hwlearn.learning.training_result import TrainState

EVERY = 60.0
"""Seconds of work that a kill may cost."""


class Kept:
    """The state of a training of several epochs in an npz file, which is replaced at once and removed at the end.

    Args:
        file: None keeps nothing.
        what: the settings; a file of other settings is not gone on from.

    Attributes:
        epoch: that is trained. seconds: spent before this process. start: snapshot within the epoch, for `train`.
        conductances: (E,) S at the start of the epoch; None at the very start.
    """

    def __init__(self, file: Path | None, what: str) -> None:
        self._file, self._what = file, what
        self.epoch, self.seconds = 0, 0.0
        self.conductances: Array | None = None
        self.start: dict[str, Array] | None = None
        self._began = self._written = time.monotonic()
        if file is not None and file.exists():
            with np.load(file, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
            if str(found.pop("what")) == what:
                self.epoch, self.seconds = int(found.pop("epoch")), float(found.pop("seconds"))
                self.conductances = found.pop("conductances")
                self.start = found or None

    @property
    def spent(self) -> float:
        """Seconds of this training, those before a kill included."""
        return self.seconds + time.monotonic() - self._began

    def look(self, state: TrainState) -> None:
        """A callback of `train`: writes the state now and then."""
        if time.monotonic() - self._written > EVERY:
            self._write(state.conductances, state.snapshot())

    def ended(self, conductances: Array) -> None:
        """An epoch ended with conductances (E,) S."""
        self.epoch, self.start, self.conductances = self.epoch + 1, None, conductances
        self._write(conductances, {})

    def remove(self) -> None:
        """All is done."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _write(self, conductances: Array, snapshot: dict[str, Array]) -> None:
        self._written = time.monotonic()
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new.npz")
        own = {"what": np.array(self._what), "epoch": np.array(self.epoch), "seconds": np.array(self.spent)}
        np.savez(new, **own, conductances=conductances, **snapshot)  # type: ignore[arg-type]
        os.replace(new, self._file)
