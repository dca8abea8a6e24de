"""What drives the sources of a network: voltage channels, and source meters for voltages and currents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hwlearn.arrays import Array
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.meters import Metered
from hwlearn.lab.instruments.roles import Source as VoltageSource
from hwlearn.lab.instruments.roles import SourceMeter
from hwlearn.network import Source


class Feeds:
    """The channels of some sources, set together: one round trip per voltage instrument and per source meter's channel.

    Within a phase a level is sent once, and again after an instrument was lost.

    Args:
        sources: of the network. places: the channel of each, as in "dac:1".

    Attributes:
        voltages: (index, name of the source, instrument, channel) of each voltage source.
        meters: (source meter, channel, index) of each source that is made by one.
    """

    def __init__(self, connection: Connection, sources: Sequence[Source], places: Sequence[str]) -> None:
        self._volts: dict[VoltageSource, dict[str, int]] = defaultdict(dict)
        self._amperes: list[tuple[SourceMeter, str, int]] = []
        self._sent: dict[object, tuple[object, int]] = {}
        self._names = [source.name for source in sources]
        self.meters: list[tuple[SourceMeter, str, int]] = []
        self.voltages: list[tuple[int, str, str, str]] = []
        for k, (source, place) in enumerate(zip(sources, places, strict=True)):
            if source.kind == "voltage":
                feed, channel = connection.get(place, VoltageSource)
                self._volts[feed][channel] = k
                self.voltages.append((k, source.name, feed.name, channel))
            else:
                meter, channel = connection.get(place, SourceMeter)
                self._amperes.append((meter, channel, k))
                self.meters.append((meter, channel, k))
                continue
            if isinstance(feed, SourceMeter) and feed.metered(channel):
                self.meters.append((feed, channel, k))

    def begin(self) -> None:
        """A phase begins: send everything once, whatever was sent before."""
        self._sent = {}

    def set(self, values: Array) -> None:
        """Set all sources, (k,) V or A."""
        wanted = values.tolist()
        for source, channels in self._volts.items():
            levels = {channel: wanted[k] for channel, k in channels.items()}
            if self._sent.get(source) != (levels, source.recoveries):
                source.set(levels)
                self._sent[source] = (levels, source.recoveries)
        for meter, channel, k in self._amperes:
            if self._sent.get((meter, channel)) != (wanted[k], meter.recoveries):
                meter.inject(channel, wanted[k])
                self._sent[meter, channel] = (wanted[k], meter.recoveries)

    def metered(self, sample: int) -> list[Metered]:
        """What the source meters among them measure now."""
        return [
            Metered(sample, f"source {self._names[k]}", meter.name, channel, meter.read(channel))
            for meter, channel, k in self.meters
        ]
