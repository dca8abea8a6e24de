"""`FieldEffect`: what JFETs and MOSFETs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hwlearn.network.devices.device import Parameter
from hwlearn.network.devices.netlist import Names
from hwlearn.network.devices.semiconductor import Semiconductor


@dataclass(frozen=True)
class FieldEffect(Semiconductor):
    """A channel between drain and source, each behind a resistance.

    Attributes:
        transconductance: A/V².
        threshold: VTO [V], with the sign that a model gives it.
        modulation: LAMBDA [1/V].
        drain_resistance, source_resistance: Ω.
    """

    transconductance: float = 1e-4
    threshold: float = 0.0
    modulation: float = 0.0
    drain_resistance: float = 0.0
    source_resistance: float = 0.0

    parameters: ClassVar = (
        *Semiconductor.parameters,
        Parameter("transconductance", "A/V²", positive=True),
        Parameter("threshold", "V"),
        Parameter("modulation", "1/V"),
        Parameter("drain_resistance", "Ω", negative=False),
        Parameter("source_resistance", "Ω", negative=False),
    )

    @property
    def resistances(self) -> dict[str, float]:
        return {"drain": self.drain_resistance, "source": self.source_resistance}

    @property
    def steep(self) -> float:
        """A/V² of the whole device."""
        return self.transconductance * self.multiplier

    @property
    def per_drain(self) -> tuple[float]:
        """S of the whole device at the drain."""
        return self._per_ohm("drain")

    @property
    def per_source(self) -> tuple[float]:
        """S of the whole device at the source."""
        return self._per_ohm("source")

    def _written(self, names: Names, law: Mapping[str, float], own: Mapping[str, float]) -> list[str]:
        every = {
            **law,
            "vto": self.threshold,
            "lambda": self.modulation,
            "rd": self.drain_resistance,
            "rs": self.source_resistance,
        }
        return super()._written(names, every, own)
