"""`leads`: the wiring list of a station, one row for each end of each wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hwlearn.lab.station.parts import pico_pins
from hwlearn.lab.station.settings import SeriesNudge
from hwlearn.lab.station.station import Station
from hwlearn.network import Network


class Lead(NamedTuple):
    """One wire: from a channel, at a pin if the instrument is the reference board, through a resistor [Ω] or 0, to a node."""

    channel: str
    pin: str
    ohm: float
    node: str


def leads(network: Network, station: Station) -> list[Lead]:
    """The wires of a station that fits the network: sources, nodes, outputs, edges."""
    return list(_leads(network, station))


def _leads(network: Network, station: Station) -> Iterator[Lead]:
    settings = station.settings

    def wire(place: str, node: str, ohm: float = 0.0, end: int = 0) -> Lead:
        board = settings.instrument[place.partition(":")[0]].driver == "scpi_board"
        return Lead(place, pico_pins(place)[end] if board else "", ohm, node)

    given = {name: table.drive for name, table in settings.input.items()}
    given.update({name: table.drive for name, table in settings.source.items()})
    for source in network.sources:
        drive = given[source.name]
        shunt = settings.input[source.name].shunt if source.name in settings.input else None
        if shunt is not None:
            yield wire(drive, source.plus, shunt.ohm)
            yield wire(shunt.read, f"{drive}, before its resistor")
            yield Lead(f"{shunt.read}, return", "", 0.0, source.plus)
        elif ":" in drive:
            yield wire(drive, source.plus)
        else:
            yield Lead(drive, "", 0.0, source.plus)
        yield Lead(f"{drive}, return", "", 0.0, source.minus)
    for name, node in settings.node.items():
        if node.read != "estimate":
            yield wire(node.read, name)
        if node.against is not None:
            yield Lead(f"{node.read}, return", "", 0.0, node.against)
    for name, output in settings.output.items():
        plus, _, minus = name.partition(",")
        if isinstance(output.nudge, SeriesNudge):
            yield wire(output.nudge.drive, plus, output.nudge.series_ohm)
            yield wire(output.nudge.read, f"{output.nudge.drive}, before its resistor")
        else:
            yield wire(output.nudge, plus)
            yield Lead(f"{output.nudge}, return", "", 0.0, minus or "0")
    for edge in network.edges:
        table = settings.edge[edge.name]
        if table.gate is not None:
            yield wire(table.gate.drive, f"gate of {edge.name}")
            yield Lead(edge.name, "", 0.0, f"{edge.tail} to {edge.head}")
        elif table.set is None:
            yield Lead(edge.name, "", table.fixed_ohm or 0.0, f"{edge.tail} to {edge.head}")
        else:
            yield wire(table.set, edge.tail, table.series_ohm, 0)
            yield wire(table.set, edge.head, 0.0, 1)
