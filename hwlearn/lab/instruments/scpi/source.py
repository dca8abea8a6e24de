"""`ScpiSource`: the base of drivers of voltage sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from hwlearn.lab.instruments.found import Driving, Found
from hwlearn.lab.instruments.roles import Source, Wired
from hwlearn.lab.instruments.scpi.instrument import ScpiInstrument

SILENT = 1e-3
"""A channel that says that it makes less [V] is at zero."""


class ScpiSource(ScpiInstrument, Source):
    """Sets channels and asks what they are set to, in one round trip."""

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        told = self._exchange(volts)
        for (channel, wanted), said in zip(volts.items(), told, strict=True):
            if not abs(said - wanted) <= 0.01 * abs(wanted) + 0.01:  # a step of a coarse converter is no error
                raise self.error(f"channel {channel} was set to {wanted:g} V and says {said:g} V: out of its range?")
        return dict(zip(volts, told, strict=True))

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
