"""How outputs are nudged: by source meters, or by a voltage behind a resistor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.meters import Metered
from hwlearn.lab.instruments.roles import Source, SourceMeter

Aim = Literal["drop", "node"]
"""What a source behind a resistor sets: the drop across it, or the node."""


class Nudge(ABC):
    """One output's source.

    Args:
        output: its name, for errors.
    """

    def __init__(self, output: str) -> None:
        self.output = output

    def begin(self) -> None:  # noqa: B027  # most remember nothing
        """A phase begins, perhaps once more: nothing counts that was sent ahead."""

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
    def measure(self, scans: Array, sample: int, following: float | None = None) -> tuple[float, list[Metered]]:
        """The current [A] that flows, measured, and what a source meter said of it.

        Args:
            scans: (scans, channels) V, taken while it flowed. sample: its index.
            following: what is to be injected or held next, as now, if it may be sent along.
        """


class MeterNudge(Nudge):
    """A source meter's channel: it sources what it is told, and measures it."""

    def __init__(self, output: str, meter: SourceMeter, channel: str) -> None:
        super().__init__(output)
        self.meter, self.channel = meter, channel
        self._ahead: tuple[float, int] | None = None  # sent along with the last reading, and the recoveries then

    def begin(self) -> None:
        self._ahead = None

    def inject(self, amperes: float) -> None:
        if not self._sent(amperes):
            self.meter.inject(self.channel, amperes)

    def rest(self) -> None:
        self.inject(0.0)

    def hold(self, volts: float) -> None:
        if not self._sent(volts):
            self.meter.hold(self.channel, volts)

    def _sent(self, level: float) -> bool:
        ahead, self._ahead = self._ahead, None
        return ahead == (level, self.meter.recoveries)

    def pull(self, volts: float) -> None:
        raise InstrumentError(f"output {self.output}: no resistor is between it and its source meter", self.meter.name)

    def measure(self, scans: Array, sample: int, following: float | None = None) -> tuple[float, list[Metered]]:
        reading = None if following is None else self.meter.step(self.channel, following)
        if reading is None or following is None:
            reading = self.meter.read(self.channel)
        else:
            self._ahead = (following, self.meter.recoveries)
        return reading.amperes, [Metered(sample, f"output {self.output}", self.meter.name, self.channel, reading)]


class SeriesNudge(Nudge):
    """A voltage source behind a known resistor: the Norton equivalent of a current source, measured, not assumed.

    The current is (v_source − v_node) / R from two readings. `Balance` corrects the source until that current, or the node's
    voltage, is right; so an open output is one whose source follows the node. To pull nothing is corrected.

    Args:
        source, channel: what drives. ohm: R [Ω]. most: largest voltage of the source [V]. amperes: largest current [A].
        node, driven: where in a scan the node and the source's own voltage are read.
        tolerance: how exactly the drop across R, or the node, is set [V].

    Attributes:
        aim, wanted: what the source sets, and to which voltage [V]. volts: what it was told last [V].
    """

    def __init__(
        self,
        output: str,
        source: Source,
        channel: str,
        *,
        ohm: float,
        most: float,
        amperes: float,
        node: int,
        driven: int,
        tolerance: float,
    ) -> None:
        super().__init__(output)
        self.source, self.channel, self.ohm, self.most, self.amperes = source, channel, ohm, most, amperes
        self.node, self.driven, self.tolerance = node, driven, tolerance
        self.aim: Aim = "drop"
        self.wanted, self.volts = 0.0, 0.0

    def inject(self, amperes: float) -> None:
        self.aim, self.wanted = "drop", amperes * self.ohm

    def rest(self) -> None:
        self.inject(0.0)
        self.volts = self.source.set({self.channel: 0.0})[self.channel]

    def hold(self, volts: float) -> None:
        self.aim, self.wanted = "node", volts

    def pull(self, volts: float) -> None:
        self.volts = self.source.set({self.channel: volts})[self.channel]

    def measure(self, scans: Array, sample: int, following: float | None = None) -> tuple[float, list[Metered]]:
        return self._drop(scans) / self.ohm, []

    def _drop(self, scans: Array) -> float:
        return float((scans[:, self.driven] - scans[:, self.node]).mean())

    def missing(self, scans: Array) -> float:
        """What is wanted less what is there [V], of the drop or of the node.

        Raises:
            InstrumentError: too much flows.
        """
        drop = self._drop(scans)
        if abs(drop) > self.amperes * self.ohm:
            raise InstrumentError(
                f"channel {self.channel} (output {self.output}) gives {drop / self.ohm:.3g} A, beyond limits.i_compliance = "
                f"{self.amperes:g} A; nudge less",
                self.source.name,
            )
        return self.wanted - (drop if self.aim == "drop" else float(scans[:, self.node].mean()))

    def reaching(self, volts: float) -> float:
        """A voltage [V] for the source.

        Raises:
            InstrumentError: it must not make it.
        """
        if not abs(volts) <= self.most:
            wanted = f"{self.wanted / self.ohm:.3g} A" if self.aim == "drop" else f"{self.wanted:.3g} V at the node"
            raise InstrumentError(
                f"channel {self.channel} (output {self.output}) would need {volts:.3g} V for {wanted} through {self.ohm:g} Ω, "
                f"beyond limits.v_compliance = {self.most:g} V; nudge less, or through less",
                self.source.name,
            )
        return volts
