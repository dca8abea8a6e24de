"""`Pace`: how many processes measure the samples of a phase, by what phases were seen to take."""

from __future__ import annotations

from math import inf

WORTH = 0.1
"""Seconds of a phase below which it is not split: the conductances must be set in each process, and the answers sent."""

PATIENCE = 20.0
"""Seconds spent in such phases before processes are tried: to start one takes a second, and a trial on busy cores a few."""

TRIALS = 3
"""Split phases, after the first, of which the fastest decides."""

PAYS = 0.8
"""Largest time of a split phase, relative to one that is not split, for which it stays so."""


class Pace:
    """Decides, and is told what each phase took.

    Args:
        asked: the number of processes; None to find out what pays.
        may_split: whether the order of samples makes no difference, but for rounding: so in a linear circuit.

    Attributes:
        refused: several processes will not be used.
    """

    def __init__(self, asked: int | None, may_split: bool) -> None:
        self._asked = asked
        self.refused = asked is None and not may_split
        self._alone = inf  # seconds per sample in one process; the least, as any phase may order the matrix or wait for others
        self._spent = 0.0
        self._split: list[float] = []  # seconds per sample in several

    def processes(self, samples: int, cores: int) -> int:
        """For the next phase; at most `cores` unless asked otherwise, and 1 if there is but one."""
        if cores == 1:
            return 1
        if self._asked is not None:
            return min(self._asked, samples)
        if self.refused or self._spent < PATIENCE or samples * self._alone < WORTH:
            return 1
        return min(cores, samples)

    def took(self, samples: int, processes: int, seconds: float) -> None:
        """Learn from a phase."""
        if processes == 1:
            first, self._alone = self._alone == inf, min(self._alone, seconds / samples)
            if not first and samples * self._alone >= WORTH:
                self._spent += samples * self._alone
        else:
            self._split.append(seconds / samples)
            if self._asked is None and len(self._split) == 1 + TRIALS:
                self.refused = min(self._split[1:]) > PAYS * self._alone
