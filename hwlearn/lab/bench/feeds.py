"""What drives the sources of a network: voltage channels, and source meters for voltages and currents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hwlearn.arrays import Array
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.phase import Metered
from hwlearn.lab.instruments.roles import Source as VoltageSource
from hwlearn.lab.instruments.roles import SourceMeter
from hwlearn.network import Source


class Feeds:
    """The channels of some sources, set together: one round trip per voltage instrument and per source meter's channel.

    Args:
        sources: of the network. places: the channel of each, as in "dac:1".

    Attributes:
        voltages: (index, name of the source, instrument, channel) of each voltage source.
    """

    def __init__(self, connection: Connection, sources: Sequence[Source], places: Sequence[str]) -> None:
        self._volts: dict[VoltageSource, dict[str, int]] = defaultdict(dict)
        self._amperes: list[tuple[SourceMeter, str, int]] = []
        self._metered: list[tuple[SourceMeter, str, str]] = []
        self.voltages: list[tuple[int, str, str, str]] = []
        for k, (source, place) in enumerate(zip(sources, places, strict=True)):
            if source.kind == "voltage":
                feed, channel = connection.get(place, VoltageSource)
                self._volts[feed][channel] = k
                self.voltages.append((k, source.name, feed.name, channel))
            else:
                meter, channel = connection.get(place, SourceMeter)
                self._amperes.append((meter, channel, k))
                self._metered.append((meter, channel, source.name))
                continue
            if isinstance(feed, SourceMeter) and feed.metered(channel):
                self._metered.append((feed, channel, source.name))

    def set(self, values: Array) -> None:
        """Set all sources, (k,) V or A."""
        wanted = values.tolist()
        for source, channels in self._volts.items():
            source.set({channel: wanted[k] for channel, k in channels.items()})
        for meter, channel, k in self._amperes:
            meter.inject(channel, wanted[k])

    def metered(self, sample: int) -> list[Metered]:
        """What the source meters among them measure now."""
        return [
            Metered(sample, f"source {name}", meter.name, channel, meter.read(channel))
            for meter, channel, name in self._metered
        ]
