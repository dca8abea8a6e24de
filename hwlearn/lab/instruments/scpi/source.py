"""`ScpiSource`: the base of drivers of voltage sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from hwlearn.lab.instruments.found import Driving, Found
from hwlearn.lab.instruments.roles import Source, Wired
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument

SILENT = 1e-3
"""A channel that says that it makes less [V] is at zero."""


def made_of(source: Source, wanted: Mapping[str, float], told: Mapping[str, float]) -> None:
    """Refuse what a source made of the voltages it was told, both by channel [V]; a step of a coarse converter is no error.

    Raises:
        InstrumentError: names the channel.
    """
    for channel, volts in wanted.items():
        if not abs(told[channel] - volts) <= 0.01 * abs(volts) + 0.01:
            raise source.error(f"channel {channel} was set to {volts:g} V and says {told[channel]:g} V: out of its range?")


class ScpiSource(ScpiInstrument, Source):
    """Sets channels and asks what they are set to, in one round trip."""

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        told = dict(zip(volts, self._exchange(volts), strict=True))
        made_of(self, volts, told)
        return told

    def look(self, wired: Wired) -> list[Found]:
        made = self._made(wired.drive) if wired.drive else []
        driving = zip(wired.drive, made, strict=True)
        return [
            *super().look(wired),
            *(Driving(f"makes {volts:.4g} V", channel) for channel, volts in driving if abs(volts) > SILENT),
        ]

    @abstractmethod
    def _made(self, channels: Sequence[str]) -> Sequence[float]:
        """What each channel says that it makes [V]."""

    @abstractmethod
    def _exchange(self, volts: Mapping[str, float]) -> Sequence[float]:
        """Set channels [V], and what each says then [V]."""
