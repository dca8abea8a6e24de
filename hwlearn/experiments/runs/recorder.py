"""`Recorder`: writes down a run while it goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.experiments.execution import Earlier, Point
from hwlearn.experiments.runs.checkpoint import Checkpoint
from hwlearn.experiments.runs.journal import Journal
from hwlearn.experiments.runs.trajectory import TrajectoryFile
from hwlearn.learning.scores import Score


class Recorder:
    """Journal, trajectory and checkpoint of a run: after each step they are with the system, which outlives this process.

    Nothing is written before the circuit answers, and of a run that goes on not before its first step is measured: what cannot
    go on is left as it was.

    Args:
        opened: the three, opened when first written to.
        earlier: what the run had done before, if it is resumed.
    """

    def __init__(self, opened: Callable[[], tuple[Journal, TrajectoryFile, Checkpoint]], earlier: Earlier | None) -> None:
        self._opened = cache(opened)
        self.earlier = earlier
        self._before = earlier.seconds if earlier else 0.0
        self._began = time.perf_counter()
        self._last: tuple[float, float] | None = None
        self._latest = None if earlier is None else earlier.snapshot

    def begin(self, circuit: Circuit, loss_initial: float) -> None:
        """The circuit answers: write down what it is."""
        if self.earlier is None:
            first = loss_initial if math.isfinite(loss_initial) else None
            self._opened()[0].event("start", loss_initial=first, circuit=circuit.provenance())
        self._began = time.perf_counter()

    def note(
        self,
        at: float,
        loss: float,
        clipped: int,
        noise: float,
        snapshot: Mapping[str, Array],
        point: Point,
        score: Score | None = None,
        celsius: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """A step is to be made from `snapshot`."""
        seconds = self._before + time.perf_counter() - self._began
        journal, trajectory, checkpoint = self._opened()
        journal.step(at, loss, self._rate(at, loss), clipped, noise, seconds, celsius)
        if score is not None:
            journal.score(score)
        trajectory.note(at, point)
        checkpoint.save(snapshot)
        self._latest = snapshot

    def end(self, circuit: Circuit, stopped_because: str, kept: int | None, error: BaseException | None) -> None:
        """The training is over, for whatever reason."""
        journal, _, checkpoint = self._opened()
        if self._latest is not None:
            checkpoint.save(self._latest, whole=True)
        told = {} if error is None else {"error": " ".join(str(error).split())}
        journal.event("end", stopped_because=stopped_because, kept_step=kept, **told, circuit=circuit.provenance())

    def _rate(self, at: float, loss: float) -> float:
        """Decay of the loss since the last step, −Δ log loss / Δat."""
        before, self._last = self._last, (at, loss)
        if before is None or before[0] == at or not (loss > 0 and before[1] > 0):
            return math.nan
        return -(math.log(loss) - math.log(before[1])) / (at - before[0])
