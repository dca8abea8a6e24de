"""`Balance`: sources behind resistors, corrected together until what each nudges is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.bench.nudge import Aim, SeriesNudge
from hwlearn.lab.instruments.roles import Source

STEEPEST = 50.0
"""No correction is more than so many times what is missing."""


class Balance:
    """Broyden's method: how much each source moves what each nudges is learned from the corrections, and remembered.

    Args:
        nudges: of the bench that are sources behind resistors.
    """

    def __init__(self, nudges: Sequence[SeriesNudge]) -> None:
        self.nudges = nudges
        self._slopes: dict[tuple[Aim, ...], Array] = {}
        self._last: tuple[Array, Array] | None = None

    def begin(self) -> None:
        """Something else is wanted from now on."""
        self._last = None

    def correct(self, seen: Array) -> bool:
        """Change the sources so that all come nearer to what is wanted, by scans (R, C) V; False if all are right already.

        Raises:
            InstrumentError: a source cannot make the voltage that this takes, or too much flows.
        """
        missing = np.array([nudge.missing(seen) for nudge in self.nudges])
        tolerances = np.array([nudge.tolerance for nudge in self.nudges])
        if (np.abs(missing) <= tolerances).all():
            return False
        made = np.array([float(seen[:, nudge.driven].mean()) for nudge in self.nudges])
        aims = tuple(nudge.aim for nudge in self.nudges)
        slopes = self._slopes.setdefault(aims, np.eye(len(self.nudges)))
        if self._last is not None:
            moved, gained = made - self._last[0], self._last[1] - missing
            if np.linalg.norm(moved) > 5 * tolerances.max():
                slopes += np.outer(gained - slopes @ moved, moved) / (moved @ moved)
        self._last = (made, missing)
        step = np.linalg.lstsq(slopes, missing, rcond=None)[0]
        step *= min(1.0, STEEPEST * float(np.linalg.norm(missing)) / float(np.linalg.norm(step)))
        told: dict[Source, dict[str, float]] = defaultdict(dict)
        for nudge, volts in zip(self.nudges, step.tolist(), strict=True):
            told[nudge.source][nudge.channel] = nudge.reaching(nudge.volts + volts)
        for source, channels in told.items():
            said = source.set(channels)
            for nudge in self.nudges:
                if nudge.source is source:
                    nudge.volts = said[nudge.channel]
        return True
