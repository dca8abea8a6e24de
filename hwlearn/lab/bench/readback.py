"""After a phase: instruments did what they were told, as they do not after a reset or a power cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.nudge import MeterNudge, Nudge
from hwlearn.lab.station.settings import Measure

IMPOSED, IMPOSED_FLOOR = 0.05, 1e-3
"""A nudge may be off by this part of itself, and by this part of the largest one."""


def floor_volts(measure: Measure) -> float:
    """How far a voltage may be off for drift and the offsets of the two channels that read it [V]."""
    return measure.drift_max + 2 * measure.offset_max


def compare_nudges(nudges: Sequence[Nudge | None], imposed: Array | None, made: Array, unit: str, floor: float) -> None:
    """The source meters made what they were told: (S, n_out) in `unit`, to `IMPOSED` of it and `floor`.

    Raises:
        InstrumentError: names the channel, the output and the sample.
    """
    if imposed is None:
        return
    for sample, k in np.argwhere(np.abs(made - imposed) > IMPOSED * np.abs(imposed) + floor):
        nudge = nudges[k]
        if isinstance(nudge, MeterNudge):
            raise InstrumentError(
                f"channel {nudge.channel} (output {nudge.output}) was told {imposed[sample, k]:g} {unit} in sample "
                f"{sample}, and {made[sample, k]:g} {unit} was measured; is its output on, and wired? The phase is not used",
                nudge.meter.name,
            )
