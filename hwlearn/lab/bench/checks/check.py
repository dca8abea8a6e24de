"""`Check`: one thing that must hold of each phase."""

from __future__ import annotations

from typing import ClassVar

from hwlearn.lab.bench.phase import Asked, Phase
from hwlearn.lab.bench.phases import Phases
from hwlearn.lab.bench.plan import Plan

IMPOSED, IMPOSED_FLOOR = 0.05, 1e-3
"""A source may be off by this part of what it was told, and by this part of the largest that it may be told."""


class Check:
    """Looks at each phase; what a subclass does not override accepts everything.

    Attributes:
        always: whether a bench has it even if the caller wants to see faults.
        bench: makes the phases; a check may drive it again.
    """

    always: ClassVar[bool] = False

    def __init__(self, bench: Phases) -> None:
        self.bench = bench

    def before(self, asked: Asked) -> None:
        """Look at a drive before an output changes.

        Raises:
            StationError: it must not be, or cannot be made.
        """

    def ready(self) -> None:
        """Look at a bench whose instruments are set up, before a phase is made; they may be asked, and driven.

        Raises:
            InstrumentError: names instrument, channel and what to do.
        """

    def after(self, phase: Phase) -> None:
        """Look at a phase as it was measured; instruments may be asked, and driven.

        Raises:
            InstrumentError: names instrument, channel and what to do.
        """

    def accepted(self, phase: Phase) -> None:
        """Learn from a phase that all checks accepted, and in which no connection failed.

        Raises:
            InstrumentError: what is known now contradicts it.
        """


def floor_volts(plan: Plan) -> float:
    """How far a voltage may be off for drift and the offsets of the two channels that read it [V]."""
    measure = plan.station.settings.measure
    return (measure.drift_max + 2 * measure.offset_max) * float(plan.reads.reach.max(initial=0.0))


def advice(told: float, made: float, floor: float) -> str:
    """What to look at where a source does not make what it was told, both V or A."""
    if abs(made + told) <= IMPOSED * abs(told) + floor:
        return "it is wired the other way round: exchange its leads."
    return "is its output on, and wired?"
