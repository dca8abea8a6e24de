"""`Plan`: who is where on a bench, by the indices of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.devices import Devices
from hwlearn.lab.bench.estimates import Estimates
from hwlearn.lab.bench.feeds import Feeds
from hwlearn.lab.bench.meters import Metered
from hwlearn.lab.bench.nudge import MeterNudge, Nudge, SeriesNudge
from hwlearn.lab.bench.reads import Reads
from hwlearn.lab.bench.scan import Scan
from hwlearn.lab.bench.temperatures import Temperatures
from hwlearn.lab.instruments.roles import Source, SourceMeter
from hwlearn.lab.station import Station
from hwlearn.network import Network


class Plan:
    """The instruments behind the wiring of a station.

    Attributes:
        network, station, connection, devices: as given.
        read_nodes: indices of the nodes that are read. estimates: of the others that are not at ground.
        inputs: what drives the inputs. constants: what drives the fixed sources that have a channel.
        constant_values: (k,) V or A of these. driven: indices of these among the fixed sources.
        nudges: of each output, None where nothing is wired to it.
        shunts: (index of the input, where in a scan its drop is read, Ω) of each.
        temperatures: of the surroundings. sensed: where in a scan their sensors are read.
        scan: reads the nodes, the sources behind resistors, the shunts, sensors. reads: what its readings say of them.
        across: (instrument, channel) of each source meter → (N,) signs of the nodes between which its leads are.
    """

    def __init__(self, network: Network, station: Station, connection: Connection, devices: Devices) -> None:
        self.network, self.station, self.connection, self.devices = network, station, connection, devices
        settings = station.settings
        self.estimates = Estimates(network, station)
        known = [name for name in settings.node if settings.node[name].read != "estimate"]
        self.read_nodes = [k for k, name in enumerate(network.nodes) if name in known]
        self.inputs = Feeds(connection, network.inputs, [settings.input[source.name].drive for source in network.inputs])
        fixed = network.fixed_sources
        driven = [source for source in fixed if ":" in settings.source[source.name].drive]
        self.constants = Feeds(connection, driven, [settings.source[source.name].drive for source in driven])
        self.constant_values = np.array([source.value for source in driven])
        self.driven = np.array([fixed.index(source) for source in driven], dtype=np.intp)
        names = [network.nodes[k] for k in self.read_nodes]
        self._places = [settings.node[name].read for name in names]
        self.nudges = [self._nudge(name) for name in network.output_names]
        shunts = [(k, shunt) for k, s in enumerate(network.inputs) if (shunt := settings.input[s.name].shunt) is not None]
        self.shunts = [(k, len(self._places) + at, shunt.ohm) for at, (k, shunt) in enumerate(shunts)]
        self._places += [shunt.read for _, shunt in shunts]
        self._not_fed = np.full(len(network.inputs), np.nan)
        self.temperatures = Temperatures(connection, station)
        self.sensed = slice(len(self._places), len(self._places) + len(self.temperatures.places))
        self._places += self.temperatures.places
        subjects = [f"node {name}" for name in names] + ["at a resistor"] * (self.sensed.start - len(names))
        subjects += ["a sensor of temperature"] * len(self.temperatures.places)
        self.scan = Scan(connection, station, self._places, subjects)
        others = [settings.node[name].against for name in names]
        self.reads = Reads(station, self._places, [names.index(other) if other in names else None for other in others])
        devices.find(connection)
        sources, ports = network.source_incidence.toarray(), network.port_incidence.toarray()
        self.across: dict[tuple[str, str], Array] = {}
        for meter, channel, k in self.inputs.meters:
            self.across[meter.name, channel] = sources[k]
        for meter, channel, k in self.constants.meters:
            self.across[meter.name, channel] = sources[len(network.inputs) + self.driven[k]]
        for nudge, signs in zip(self.nudges, ports, strict=True):
            if isinstance(nudge, MeterNudge):
                self.across[nudge.meter.name, nudge.channel] = signs

    def _nudge(self, output: str) -> Nudge | None:
        """What nudges an output; a source behind a resistor is read as well."""
        table, get = self.station.settings.output.get(output), self.connection.get
        if table is None:
            return None
        if isinstance(table.nudge, str):
            return MeterNudge(output, *get(table.nudge, SourceMeter))
        self._places.append(table.nudge.read)
        return SeriesNudge(
            output,
            *get(table.nudge.drive, Source),
            ohm=table.nudge.series_ohm,
            most=self.station.settings.limits.v_compliance,
            amperes=self.station.settings.limits.i_compliance,
            node=self.read_nodes.index(self.network.node_index[output]),
            driven=len(self._places) - 1,
            tolerance=table.nudge.tolerance_v,
        )

    def fed(self, seen: Array, said: Sequence[Metered]) -> Array:
        """(n_in,) A out of the inputs, by shunts in scans (R, C) V or by source meters; NaN where nothing measures it."""
        if not (said or self.shunts):
            return self._not_fed
        found = self._not_fed.copy()
        for (_, _, k), one in zip(self.inputs.meters, said, strict=True):
            found[k] = one.reading.amperes
        for k, at, ohm in self.shunts:
            found[k] = seen[:, at].mean() / ohm
        return found

    def limit(self) -> None:
        """Set the limits of all source meters that are wired."""
        limits = self.station.settings.limits
        for name, wired in self.station.wired().items():
            meter = self.connection.instruments[name]
            if isinstance(meter, SourceMeter):
                for channel in (*wired.nudge, *filter(meter.metered, wired.drive)):
                    volts, amperes = limits.v_compliance, limits.i_compliance
                    meter.limit(channel, volts=volts, amperes=amperes, nplc=self.station.nplc(name))

    def place(self, node: int) -> str:
        """A read node by its channel and name, as in "daq:101 (n12)" or "daq:102 (n13 against n12)"."""
        name = self.network.nodes[node]
        table = self.station.settings.node[name]
        return f"{table.read} ({name})" if table.against is None else f"{table.read} ({name} against {table.against})"
