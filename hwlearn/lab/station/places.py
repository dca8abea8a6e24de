"""`places`: the keys of a station file that name a channel of an instrument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hwlearn.lab.instruments.roles import Instrument, ResistorBox, Scanner, Source, SourceMeter, Thermometer
from hwlearn.lab.station.settings import SeriesNudge, StationSettings

ROLES: dict[str, type[Instrument]] = {
    "drive": Source,
    "read": Scanner,
    "set": ResistorBox,
    "nudge": SourceMeter,
    "celsius": Thermometer,
}
"""What an instrument must be, by the last part of the key that names it."""

Drivers = Mapping[str, type[Instrument]]
"""Instrument → its driver."""


def places(settings: StationSettings) -> Iterator[tuple[str, str]]:
    """(key, "instrument:channel") of all that is wired."""
    for name, given in settings.input.items():
        yield f"input.{name}.drive", given.drive
        if given.shunt is not None:
            yield f"input.{name}.shunt.read", given.shunt.read
    for name, source in settings.source.items():
        if ":" in source.drive:
            yield f"source.{name}.drive", source.drive
    for name, node in settings.node.items():
        if ":" in node.read:
            yield f"node.{name}.read", node.read
    for name, output in settings.output.items():
        if isinstance(output.nudge, SeriesNudge):
            yield f"output.{name}.nudge.drive", output.nudge.drive
            yield f"output.{name}.nudge.read", output.nudge.read
        else:
            yield f"output.{name}.nudge", output.nudge
    for name, edge in settings.edge.items():
        if edge.set is not None:
            yield f"edge.{name}.set", edge.set
        if edge.gate is not None:
            yield f"edge.{name}.gate.drive", edge.gate.drive
    for name, probe in settings.temperature.items():
        if probe.read is not None:
            yield f"temperature.{name}.read", probe.read
        if probe.celsius is not None:
            yield f"temperature.{name}.celsius", probe.celsius
