"""`Keeper`: which state of a noisy training is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Drive
from hwlearn.circuits.measurement import Measurement, SampledMeasurement
from hwlearn.errors import HwlearnError
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.task import Task

Keep = Literal["best", "last"]

ENOUGH, FEW = 100, 4
"""Readings of outputs, and phases, at least, in a mean that is believed; and phases after which a state is first judged."""

SURE, SHARP = 1.0, 0.1
"""Standard deviations by which a state must miss the best one to be given up early; and what part of its error may be unknown
of one that is believed early."""

AT_ONCE = 4096
"""Samples that are measured together, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Best:
    """The best state that was confirmed.

    Attributes:
        step: updates before it.
        loss: of the mean outputs of `phases` free phases [`Rule.loss_unit`].
        noise: what noise adds to the loss of a single phase, in the mean [`Rule.loss_unit`].
        conductances: (E,) S, as realised.
    """

    step: int
    loss: float
    noise: float
    phases: int
    conductances: Array


class Keeper:
    """Confirms states of a noisy training while it goes on, and leaves the circuit in the best of them.

    A single free phase may be luck. So what counts is the loss of the mean outputs of several, in which noise averages out. A
    state that looks as good as the best one, within noise, is read again, in free phases of the whole task: until `ENOUGH`
    readings say what it is, or fewer, if they are clear. This takes hardly more free phases than the steps themselves. At the
    end the last state is read as often, and the best one anew: it must win against what it is now, too, for devices may have
    drifted.

    Args:
        circuit, task, rule: of the training.
        keep: "best", "last", or None: the best on a noisy circuit, the last one otherwise.

    Attributes:
        best: so far; None before a state was confirmed, and where the last one is kept.
    """

    def __init__(self, circuit: Circuit, task: Task, rule: Rule, keep: Keep | None) -> None:
        if keep not in ("best", "last", None):
            raise HwlearnError(f"keep is {keep!r}; give 'best' or 'last'")
        self._circuit, self._task, self._rule, self._keep = circuit, task, rule, keep
        self._enough = max(FEW, math.ceil(ENOUGH / max(task.targets.size, 1)))
        self._allowed = -float(FEW)  # phases of the whole task that may be made, and are left after a confirmation
        self.best: Best | None = None

    def keeps_best(self, reading: Reading) -> bool:
        """Whether the best state is kept of a training with such readings."""
        return self._keep == "best" or (self._keep is None and reading.noise != 0)

    def look(self, step: int, reading: Reading, samples: int) -> None:
        """Confirm the present state, if it may be the best and is due; `reading` is of `samples` samples of the task."""
        if not self.keeps_best(reading):
            return
        self._allowed += samples / len(self._task)
        if self._allowed < 0:
            return
        best = self.best
        if best is None:
            self.best = self._confirmed(step, math.inf)
        elif root(reading.loss) <= root(best.loss) + root(best.noise) and self._is_other_than(best):
            self.best = self._confirmed(step, best.loss) or best

    def end(self, step: int, reading: Reading | None) -> int:
        """Leave the circuit in the state that is kept; returns its step. `reading` is the last one, of step `step`."""
        best, last = self.best, self._circuit.conductances.copy()
        if best is None or reading is None or not self.keeps_best(reading) or not self._is_other_than(best):
            return step
        now = self._confirmed(step, math.inf)
        if now is None or now.loss <= best.loss:
            return step
        self._circuit.program(best.conductances)
        if self._confirmed(best.step, now.loss) is not None:
            return best.step
        self._circuit.program(last)
        return step

    def snapshot(self) -> dict[str, Array]:
        """For `restore`; nothing where the last state is kept."""
        if self._allowed == -FEW and self.best is None:
            return {}
        own = {"allowed": np.array(self._allowed)}
        if self.best is None:
            return own
        return own | {name: np.array(value, dtype=np.float64) for name, value in vars(self.best).items()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot."""
        if "allowed" in snapshot:
            self._allowed = float(snapshot["allowed"])
        if "conductances" in snapshot:
            conductances = np.array(snapshot["conductances"])
            self._circuit.network.check_conductances(conductances)
            step, loss, noise, phases = (float(snapshot[name]) for name in ("step", "loss", "noise", "phases"))
            self.best = Best(int(step), loss, noise, int(phases), conductances)

    def _is_other_than(self, best: Best) -> bool:
        """Whether the circuit is in another state; being read again, the best one would only get older."""
        return not np.array_equal(best.conductances, self._circuit.conductances)

    def _confirmed(self, step: int, limit: float) -> Best | None:
        """The present state, if its loss is below `limit`."""
        phases, ahead = list[Measurement](), FEW
        while True:
            phases += self._phases(ahead - len(phases))
            loss, noise = self._judged(phases)
            error, unknown = root(loss), root(noise / len(phases))
            enough = len(phases) >= self._enough
            if error - (0.0 if enough else SURE * unknown) >= root(limit):
                return None
            if enough or (unknown <= SHARP * error and error < root(limit)):
                return Best(step, loss, noise, len(phases), self._circuit.conductances.copy())
            ahead = min(2 * ahead, self._enough)

    def _phases(self, count: int) -> list[Measurement]:
        """Measure `count` free phases of the whole task."""
        self._allowed -= count
        task, found, size = self._task, list[Measurement](), len(self._task)
        for start in range(0, count, together := max(1, AT_ONCE // size)):
            here = min(together, count - start)
            inputs, targets = (np.tile(values, (here, 1)) for values in (task.inputs, task.targets))
            read = self._circuit.measure(Drive(inputs, self._rule.free(targets)))
            found += [read[k * size : (k + 1) * size] for k in range(here)]
        return found

    def _judged(self, phases: list[Measurement]) -> tuple[float, float]:
        """Loss of the mean outputs, and what noise adds to that of a single phase in the mean."""
        first, targets = phases[0], self._task.targets
        mean = SampledMeasurement(
            self._circuit.network,
            self._circuit.conductances,
            np.mean([phase.node_voltages for phase in phases], axis=0),
            np.mean([phase.output_voltages for phase in phases], axis=0),
            np.mean([phase.output_currents for phase in phases], axis=0),
            np.mean([phase.input_currents for phase in phases], axis=0),
            first.noise,
            first.provenance,
        )
        loss = self._rule.seen_loss(mean, targets)
        single = float(np.mean([self._rule.seen_loss(phase, targets) for phase in phases]))
        return loss, max(single - loss, 0.0)


def root(loss: float) -> float:
    """What has the unit of an error; a loss of another kind may fall below zero."""
    return math.sqrt(max(loss, 0.0))
