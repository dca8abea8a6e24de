"""What drives the sources of a network: what they are able to, and what they may."""

from __future__ import annotations

from hwlearn.errors import StationError
from hwlearn.lab.instruments.roles import SourceMeter
from hwlearn.lab.station.places import Drivers
from hwlearn.lab.station.settings import StationSettings
from hwlearn.network import Network
from hwlearn.text import GROUND


def validate_current_sources(settings: StationSettings, drivers: Drivers, network: Network) -> None:
    """Refuse a current source that is no source meter's channel, or has a shunt.

    Raises:
        StationError: names the key.
    """
    drives = {f"input.{name}.drive": table.drive for name, table in settings.input.items()}
    drives.update({f"source.{name}.drive": table.drive for name, table in settings.source.items() if ":" in table.drive})
    kinds = {source.name: source.kind for source in network.sources}
    for key, place in drives.items():
        driver = drivers[place.partition(":")[0]]
        name = key.split(".", 1)[1].removesuffix(".drive")
        if kinds[name] == "current" and not issubclass(driver, SourceMeter):
            raise StationError(f"{key} = {place!r}: {name} is a current source; wire a source meter")
    for name, given_input in settings.input.items():
        if given_input.shunt is not None and kinds[name] == "current":
            raise StationError(f"input.{name}.shunt: {name} is a current source, whose current is known; leave it out")


def validate_fixed_sources(settings: StationSettings, network: Network) -> None:
    """What stands for a fixed source makes its value, and the limits allow it.

    Raises:
        StationError: names the source.
    """
    for source in network.fixed_sources:
        drive = settings.source[source.name].drive
        if drive == "ground" and source.value:
            raise StationError(
                f'source.{source.name} is {source.value:g} {source.unit}, and "ground" is 0 V; write "external" or a channel'
            )
        if drive == "ground" and GROUND not in (source.plus, source.minus):
            raise StationError(
                f'source.{source.name} is between {source.plus} and {source.minus}, and "ground" is a wire from a node to '
                'ground; wire them together and write "external"'
            )
        limits = settings.limits
        key, most = ("v_node_max", limits.v_node_max) if source.kind == "voltage" else ("i_nudge_max", limits.i_nudge_max)
        if abs(source.value) > most:
            raise StationError(
                f"source.{source.name} is {source.value:g} {source.unit}, beyond limits.{key} = {most:g} {source.unit}"
            )
