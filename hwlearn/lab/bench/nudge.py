"""How outputs are nudged: by source meters, or by a voltage behind a resistor."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.phase import Metered
from hwlearn.lab.instruments.roles import Source, SourceMeter

ROUNDS = 12
"""Corrections after which a current through a resistor must be right."""


class Nudge(ABC):
    """One output's source.

    Args:
        output: its name, for errors.
    """

    can_hold: bool

    def __init__(self, output: str) -> None:
        self.output = output

    @abstractmethod
    def inject(self, amperes: float) -> None:
        """Start to drive a current [A] into the output; 0 leaves it open."""

    @abstractmethod
    def rest(self) -> None:
        """The source at zero: no current from a source meter, 0 V behind a resistor."""

    @abstractmethod
    def hold(self, volts: float) -> None:
        """Hold the output at a voltage [V]."""

    @abstractmethod
    def pull(self, volts: float) -> None:
        """Pull the output to a voltage [V] through the resistor that is there."""

    @abstractmethod
    def measure(self, scans: Array, sample: int) -> tuple[float, list[Metered]]:
        """The current [A] that flows, measured, and what a source meter said of it.

        Args:
            scans: (scans, channels) V, taken while it flowed. sample: which.
        """


class MeterNudge(Nudge):
    """A source meter's channel: it sources what it is told, and measures it."""

    can_hold = True

    def __init__(self, output: str, meter: SourceMeter, channel: str) -> None:
        super().__init__(output)
        self.meter, self.channel = meter, channel

    def inject(self, amperes: float) -> None:
        self.meter.inject(self.channel, amperes)

    def rest(self) -> None:
        self.inject(0.0)

    def hold(self, volts: float) -> None:
        self.meter.hold(self.channel, volts)

    def pull(self, volts: float) -> None:
        raise InstrumentError(f"output {self.output}: no resistor is between it and its source meter", self.meter.name)

    def measure(self, scans: Array, sample: int) -> tuple[float, list[Metered]]:
        reading = self.meter.read(self.channel)
        return reading.amperes, [Metered(sample, f"output {self.output}", self.meter.name, self.channel, reading)]


class SeriesNudge(Nudge):
    """A voltage source behind a known resistor: the Norton equivalent of a current source, measured, not assumed.

    The current is (v_source − v_node) / R from two readings. The source is corrected until that current is right, by a secant
    of what the last correction did; so an open output is one whose source follows the node. To pull nothing is corrected.

    Args:
        source, channel: what drives. ohm: R [Ω]. most: largest voltage of the source [V].
        node, driven: where in a scan the node and the source's own voltage are read.
        tolerance: how exactly the current is set, as a voltage across R [V].
    """

    can_hold = False

    def __init__(
        self,
        output: str,
        source: Source,
        channel: str,
        *,
        ohm: float,
        most: float,
        node: int,
        driven: int,
        tolerance: float,
    ) -> None:
        super().__init__(output)
        self.source, self.channel, self.ohm, self.most = source, channel, ohm, most
        self.node, self.driven, self.tolerance = node, driven, tolerance
        self._wanted, self._volts, self._slope = 0.0, 0.0, 1 / ohm
        self._last: tuple[float, float] | None = None

    def inject(self, amperes: float) -> None:
        self._wanted, self._last = amperes, None

    def rest(self) -> None:
        self.inject(0.0)
        self._volts = self.source.set({self.channel: 0.0})[self.channel]

    def hold(self, volts: float) -> None:
        raise InstrumentError(f"output {self.output}: a voltage behind a resistor injects, it cannot hold", self.source.name)

    def pull(self, volts: float) -> None:
        self._volts = self.source.set({self.channel: volts})[self.channel]

    def measure(self, scans: Array, sample: int) -> tuple[float, list[Metered]]:
        return self._current(scans), []

    def _current(self, readings: Array) -> float:
        return float((readings[:, self.driven] - readings[:, self.node]).mean()) / self.ohm

    def correct(self, readings: Array) -> bool:
        """Change the source so that its current comes nearer to what is wanted; False if it is right already.

        Raises:
            InstrumentError: the source cannot make the voltage that this takes.
        """
        driven, current = float(readings[:, self.driven].mean()), self._current(readings)
        if abs(self._wanted - current) * self.ohm <= self.tolerance:
            return False
        if self._last is not None and abs(driven - self._last[0]) > 5 * self.tolerance:
            slope = (current - self._last[1]) / (driven - self._last[0])
            self._slope = min(max(slope, 0.02 / self.ohm), 1 / self.ohm)
        self._last = (driven, current)
        self._volts += (self._wanted - current) / self._slope
        if not abs(self._volts) <= self.most:
            raise InstrumentError(
                f"channel {self.channel} (output {self.output}) would need {self._volts:.3g} V for {self._wanted:.3g} A "
                f"through {self.ohm:g} Ω, beyond limits.v_compliance = {self.most:g} V; nudge less, or through less",
                self.source.name,
            )
        self._volts = self.source.set({self.channel: self._volts})[self.channel]
        return True
