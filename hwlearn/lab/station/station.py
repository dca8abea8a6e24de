"""`Station`: a bench as its file describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwlearn.circuits.ledger import Timing
from hwlearn.lab.instruments.roles import Instrument, Wired
from hwlearn.lab.station.gates import Curve, GateCurve
from hwlearn.lab.station.places import places
from hwlearn.lab.station.settings import StationSettings
from hwlearn.lab.station.tables import CodeTable
from hwlearn.lab.station.validation import validate_wiring
from hwlearn.network import Network

LATER = (("node", "against"), ("input", "shunt"), ("edge", "gate"))
"""Keys that came after runs had been kept with the hash of their wiring."""


@dataclass(frozen=True, eq=False)
class Station:
    """A checked station file, and the drivers and tables that it names; made by `load_station`.

    Attributes:
        settings: the file's content.
        path: the file.
        drivers: driver of each instrument.
        tables: code table of each edge that a channel sets.
        gates: measured curve of each transistor that has one.
        offsets: calibrated offset of each read channel [V], as in "daq:101".
        trusted: whether the file may name code.
    """

    settings: StationSettings
    path: Path
    drivers: Mapping[str, type[Instrument]]
    tables: Mapping[str, CodeTable]
    offsets: Mapping[str, float]
    gates: Mapping[str, GateCurve]
    trusted: bool = False

    def validate(self, network: Network) -> None:
        """Refuse a wiring that does not fit the network, before any instrument is touched.

        Raises:
            StationError: names the key.

        Warns:
            HwlearnWarning: the calibration is old.
        """
        validate_wiring(self, network)

    def imposable(self, network: Network) -> frozenset[str]:
        """What can be imposed on all outputs: "current" and "voltage" if each has something that nudges it."""
        able = all(name in self.settings.output for name in network.output_names)
        return frozenset({"current", "voltage"}) if able else frozenset()

    def curves(self, network: Network) -> dict[int, Curve]:
        """What sets the conductances of transistors, by index of the edge: as measured, or the law of the device."""
        return {
            k: self.gates.get(device.edge, device)
            for k, device in network.device_at.items()
            if self.settings.edge[device.edge].gate is not None
        }

    def wired(self) -> dict[str, Wired]:
        """The wired channels of each instrument, in the order of the file."""
        found: dict[str, dict[str, list[str]]] = {name: {} for name in self.settings.instrument}
        for key, place in places(self.settings):
            name, _, channel = place.partition(":")
            found[name].setdefault(key.rpartition(".")[2], []).append(channel)
        return {name: Wired(**{key: tuple(channels) for key, channels in keys.items()}) for name, keys in found.items()}

    def nplc(self, instrument: str) -> float:
        """Integration time of an instrument, in power line cycles."""
        return self.settings.instrument[instrument].nplc or self.settings.measure.nplc

    def range_v(self, instrument: str) -> float:
        """Range of a scanner [V]."""
        return self.settings.instrument[instrument].range_v or self.settings.measure.range_v

    def channel_delay_s(self, instrument: str) -> float | None:
        """Wait of a scanner at each channel [s]; None is its own."""
        given = self.settings.instrument[instrument].channel_delay_s
        return self.settings.measure.channel_delay_s if given is None else given

    def endurance(self) -> dict[str, float]:
        """Writes that the maker of each edge's device promises, where the station says so."""
        tables, edges = self.settings.table, self.settings.edge
        found = {name: tables[edge.table].endurance for name, edge in edges.items() if edge.table is not None}
        return {name: writes for name, writes in found.items() if writes is not None}

    def timing(self) -> Timing:
        """How long a sample takes by what the file says; what instruments and lines add is not known."""
        measure, line = self.settings.measure, self.settings.defaults.line_hz
        repeats = measure.repeats if isinstance(measure.repeats, int) else 2
        reading, channels = 0.0, 0
        for node in self.settings.node.values():
            name = node.read.partition(":")[0]
            reading += self.nplc(name) / line + (self.channel_delay_s(name) or 0.0)
            channels += 1
        return Timing(measure.settle_s, repeats * reading, repeats * channels, 0.0, self.endurance())

    def wiring_hash(self, network: Network) -> str:
        """SHA-256 of what is connected to what, code tables included; ranges, repeats and limits do not count."""
        content = self.settings.model_dump(mode="json", include={"input", "source", "node", "output", "edge", "channel"})
        for key in LATER:  # a station that has none of these has the hash that it had before there were any
            for table in content[key[0]].values():
                if table[key[1]] is None:
                    del table[key[1]]
        if not content["channel"]:
            del content["channel"]
        content["instrument"] = {name: table.driver for name, table in self.settings.instrument.items()}
        content["tables"] = {
            name: [table.min_code, table.max_code, *map(repr, table.resistances.tolist())]
            for name, table in self.tables.items()
        }
        for name, curve in self.gates.items():
            content["tables"][name] = [*map(repr, (*curve.volts.tolist(), *curve.siemens.tolist()))]
        content["network"] = [
            list(network.nodes),
            [list(edge) for edge in network.edges],
            [[s.name, s.kind, s.plus, s.minus] for s in network.sources],
            list(network.output_names),
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
