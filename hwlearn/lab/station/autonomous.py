"""`load_autonomous`: the station of hardware that learns by itself, and is only read."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hwlearn.errors import StationError
from hwlearn.lab.instruments.settings import InstrumentTable
from hwlearn.lab.station.load import station_of
from hwlearn.lab.station.settings import ChannelTable, Defaults, Limits, Measure, NodeTable, Place, StationSettings
from hwlearn.lab.station.station import Station
from hwlearn.network import Network
from hwlearn.text import did_you_mean
from hwlearn.toml import STATION, Table, read_toml


class ReadTable(Table):
    """`[gate.M1]`: the channel that reads the gate of this transistor, against ground."""

    read: Place


class AutonomousSettings(Table):
    """A station file with `program = "autonomous"`: what is read of a circuit that learns by itself; nothing is driven."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    name: str
    program: Literal["autonomous"]
    defaults: Defaults = Defaults()
    instrument: dict[str, InstrumentTable]
    gate: dict[str, ReadTable]
    node: dict[str, ReadTable] = Field(default_factory=dict)
    channel: dict[str, ChannelTable] = Field(default_factory=dict)
    measure: Measure = Measure()


class AutonomousStation:
    """A checked station file of hardware that learns by itself; made by `load_autonomous`.

    Attributes:
        settings: the file's content. station: of its scanners, for a `Connection`.
        places: channel of each gate, then of each node. gates, nodes: their names, in this order.
    """

    def __init__(self, settings: AutonomousSettings, station: Station) -> None:
        self.settings, self.station = settings, station
        self.gates, self.nodes = list(settings.gate), list(settings.node)
        self.places = [table.read for table in (*settings.gate.values(), *settings.node.values())]

    def validate(self, network: Network) -> None:
        """Refuse names that the network does not have, and transistors that learn and are not read.

        Raises:
            StationError: names the key.
        """
        path, transistors = self.station.path, list(network.gate_voltages)
        for kind, names, known in (("gate", self.gates, transistors), ("node", self.nodes, network.nodes)):
            for name in names:
                if name not in known:
                    raise StationError(f"{path}: {kind}.{name}: {network.title} has no such {kind}{did_you_mean(name, known)}")
        for name, trained in zip(network.edge_names, network.trainable, strict=True):
            if trained and name not in self.gates:
                raise StationError(
                    f"{path}: gate.{name} is missing: {name} learns; say which channel reads its gate, or leave it out of "
                    "[circuit] trainable"
                )


def load_autonomous(path: str | PathLike[str], trust: bool = False) -> AutonomousStation:
    """Read and check the station file of hardware that learns by itself.

    Raises:
        StationError: names the file and the key.
    """
    file = Path(path)
    _, content = read_toml(file, STATION, StationError)
    if content.get("program") != "autonomous":
        raise StationError(f'{file}: `hwlearn bench watch` reads hardware that learns by itself: program = "autonomous"')

    def as_station(settings: AutonomousSettings) -> StationSettings:
        read = {f"gate of {name}": NodeTable(read=table.read) for name, table in settings.gate.items()}
        read |= {name: NodeTable(read=table.read) for name, table in settings.node.items()}
        shared = {name: getattr(settings, name) for name in ("name", "defaults", "instrument", "channel", "measure")}
        return StationSettings.model_validate(
            {"schema": 1, **shared, "node": read, "edge": {}, "limits": Limits(v_node_max=1.0)}
        )

    settings, station = station_of(file, content, AutonomousSettings, as_station, trust)
    if settings.defaults.backend == "virtual":
        raise StationError(f"{file}: defaults.backend: no virtual bench learns by itself; watch a real one")
    return AutonomousStation(settings, station)
