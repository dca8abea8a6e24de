"""`Found`: what an instrument was left with, by whoever used it before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Something worth a word.

    Attributes:
        what: in words that go on after the name of the instrument, as in "filters its readings".
        channel: where; empty for all of the instrument.
    """

    what: str
    channel: str = ""

    def __str__(self) -> str:
        return f"channel {self.channel} {self.what}" if self.channel else self.what


class Noted(Found):
    """Something that may well be meant: told to those who ask."""


class Driving(Found):
    """An output that is on. It is switched off before a resistor is connected to it."""


class Misreading(Found):
    """A mode in which it does not read, or not make, what it is asked for. A driver sets it back, or nothing is learned."""


class Unusable(Found):
    """Something that cannot be set right from here; the words say what to do."""
