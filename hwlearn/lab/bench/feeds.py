"""What drives the sources of a network: voltage channels, and source meters for currents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.instruments.roles import Source as VoltageSource
from hwlearn.lab.instruments.roles import SourceMeter
from hwlearn.network import Source


class Feeds:
    """The channels of some sources, set together: one round trip per voltage instrument and per source meter's channel.

    Args:
        sources: of the network. places: the channel of each, as in "dac:1".
    """

    def __init__(self, connection: Connection, sources: Sequence[Source], places: Sequence[str]) -> None:
        self._volts: dict[VoltageSource, dict[str, int]] = defaultdict(dict)
        self.meters: list[tuple[int, SourceMeter, str]] = []
        self._names = [source.name for source in sources]
        for k, (source, place) in enumerate(zip(sources, places, strict=True)):
            if source.kind == "voltage":
                volts, channel = connection.get(place, VoltageSource)
                self._volts[volts][channel] = k
            else:
                self.meters.append((k, *connection.get(place, SourceMeter)))

    def set(self, values: Array) -> None:
        """Set all sources, (k,) V or A."""
        wanted = values.tolist()
        for source, channels in self._volts.items():
            source.set_voltages({channel: wanted[k] for channel, k in channels.items()})
        for k, meter, channel in self.meters:
            meter.current(channel, wanted[k])

    def check(self) -> None:
        """Refuse current sources that are at their limit.

        Raises:
            InstrumentError: names source and channel.
        """
        for k, meter, channel in self.meters:
            if meter.read(channel).tripped:
                raise InstrumentError(
                    f"channel {channel} (source {self._names[k]}) is in compliance; raise limits.v_compliance, or drive less",
                    meter.name,
                )

    def compare(self, wanted: Array, read: Array, part: float, floor: float) -> None:
        """Refuse voltage sources that do not read as they were set.

        Args:
            wanted, read: (S, k) V, of all sources. part: of the voltage, by which it may be off, and `floor` more [V].

        Raises:
            InstrumentError: names source and channel.
        """
        excess = abs(read - wanted) - part * abs(wanted)
        for source, channels in self._volts.items():
            for channel, k in channels.items():
                sample = int(excess[:, k].argmax())
                if excess[sample, k] > floor:
                    raise InstrumentError(
                        f"channel {channel} (source {self._names[k]}) was set to {wanted[sample, k]:g} V in sample {sample}, "
                        f"and {read[sample, k]:g} V was read across it; is its output on, and wired? The phase is not used",
                        source.name,
                    )
