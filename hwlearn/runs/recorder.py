"""`Recorder`: writes down a run while it goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

from hwlearn.circuits.base import Array, Circuit
from hwlearn.experiments.run import Earlier
from hwlearn.runs.checkpoint import save_checkpoint
from hwlearn.runs.journal import Journal

SHARE = 0.2
"""Part of the time that checkpoints may take, where steps can be made again at no cost but time."""


class Recorder:
    """Journal and checkpoints of a run.

    A bench gets a checkpoint at every step. A simulator as well, unless its steps are so quick that checkpoints would take
    more than `SHARE` of the time: then after as many steps as that takes, some milliseconds; a resumed run makes them again,
    alike.

    Args:
        journal: open.
        checkpoint: the file.
        each_step: checkpoint at every step.
        earlier: what the run had done before, if it is resumed.
    """

    def __init__(self, journal: Journal, checkpoint: Path, *, each_step: bool, earlier: Earlier | None) -> None:
        self._journal, self._checkpoint, self._each_step = journal, checkpoint, each_step
        self.earlier = earlier
        self._before = earlier.seconds if earlier else 0.0
        self._began = self._due = time.perf_counter()
        self._last: tuple[float, float] | None = None
        self._latest: Mapping[str, Array] | None = None

    def begin(self, circuit: Circuit, loss_initial: float) -> None:
        """The circuit answers: write down what it is."""
        if self.earlier is None:
            self._journal.event("start", loss_initial=loss_initial, circuit=circuit.provenance())
        self._began = self._due = time.perf_counter()

    def note(self, at: float, loss: float, clipped: int, noise: float, snapshot: Mapping[str, Array]) -> None:
        """A step is to be made from `snapshot`."""
        now = time.perf_counter()
        self._journal.step(at, loss, self._rate(at, loss), clipped, noise, self._before + now - self._began)
        self._latest = snapshot
        if self._each_step or now >= self._due:
            self._save()
            done = time.perf_counter()
            self._due = done + (done - now) * (1 / SHARE - 1)

    def end(self, circuit: Circuit, stopped_because: str) -> None:
        """The training is over, for whatever reason."""
        self._save()
        self._journal.event("end", stopped_because=stopped_because, circuit=circuit.provenance())

    def _save(self) -> None:
        self._journal.flush()
        if self._latest is not None:
            save_checkpoint(self._checkpoint, self._latest)

    def _rate(self, at: float, loss: float) -> float:
        """Decay of the loss since the last step, −Δ log loss / Δat."""
        before, self._last = self._last, (at, loss)
        if before is None or before[0] == at or not (loss > 0 and before[1] > 0):
            return math.nan
        return -(math.log(loss) - math.log(before[1])) / (at - before[0])
