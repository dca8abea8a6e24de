"""`validate_wiring`: what must hold between a station file and the network on its bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hwlearn.errors import StationError
from hwlearn.lab.station.places import places
from hwlearn.lab.station.settings import SeriesNudge, StationSettings
from hwlearn.lab.station.validation.age import warn_of_age
from hwlearn.lab.station.validation.gates import validate_gates
from hwlearn.lab.station.validation.nodes import at_ground, grounded_nodes, validate_nodes
from hwlearn.lab.station.validation.power import validate_power
from hwlearn.lab.station.validation.sources import validate_current_sources, validate_fixed_sources
from hwlearn.lab.station.visits import visit_seconds, within_watchdogs
from hwlearn.network import Network
from hwlearn.text import GROUND, did_you_mean

if TYPE_CHECKING:
    from hwlearn.lab.station.station import Station

ADVICE = {
    "node": "say which channel reads it",
    "edge": "say which channel sets it, or its fixed_ohm",
    "input": "say which channel drives it",
    "source": 'say which channel it is, "ground" or "external"',
}
"""What to do where a table of the station file is missing, by the kind of table. Outputs may be left without one."""


def validate_wiring(station: Station, network: Network) -> None:
    """Refuse a station that does not fit the network.

    Raises:
        StationError: names file and key.

    Warns:
        HwlearnWarning: the calibration is old.
    """
    settings, path = station.settings, station.path
    try:
        _one_thing_per_channel(settings)
        grounded = grounded_nodes(settings, network)
        _everything_is_wired(settings, network, grounded)
        validate_nodes(settings, network, grounded)
        validate_gates(settings, network)
        validate_fixed_sources(settings, network)
        validate_current_sources(settings, station.drivers, network)
        _nudges_by_resistor_are_at_nodes(settings)
        validate_power(station, network)
        read = [place for key, place in places(settings) if key.endswith(".read")]
        within_watchdogs(settings, visit_seconds(settings, read, 1, settings.measure.settle_s))
    except StationError as error:
        raise StationError(f"{path}: {error}") from None
    warn_of_age(settings.calibration, path)


def _one_thing_per_channel(settings: StationSettings) -> None:
    used: dict[str, str] = {}
    for key, place in places(settings):
        name, _, channel = place.partition(":")
        same = f"{name}:{int(channel)}" if channel.isdecimal() else place  # 0101 is 101
        if same in used:
            raise StationError(f"{key}: channel {place} is used by {used[same]} already; wire one thing to a channel")
        used[same] = key


def _everything_is_wired(settings: StationSettings, network: Network, grounded: set[str]) -> None:
    """Everything of the network is wired, and nothing else."""
    wanted = {  # sources first: which nodes are read follows from them
        "source": [source.name for source in network.fixed_sources],
        "node": [name for name in network.nodes if name != GROUND and name not in grounded],
        "edge": list(network.edge_names),
        "input": list(network.input_names),
        "output": list(network.output_names),
    }
    for table, names in wanted.items():
        given: Mapping[str, object] = getattr(settings, table)
        for name in given:
            if name not in names:
                why = did_you_mean(name, names) or f"; there {'are' if names[1:] else 'is'} {', '.join(names) or 'none'}"
                if table == "node" and at_ground(name, grounded):
                    why = ": it is wired to ground"
                raise StationError(f"{table}.{name}: {network.title} has no {table} {name!r} to wire{why}")
        if table in ADVICE:
            missing = [name for name in names if name not in given]
            if missing:
                raise StationError(f"{table}.{missing[0]} is missing: {ADVICE[table]}")


def _nudges_by_resistor_are_at_nodes(settings: StationSettings) -> None:
    for name, output in settings.output.items():
        if isinstance(output.nudge, SeriesNudge) and "," in name:
            raise StationError(f"output.{name}: a voltage behind a resistor nudges one node against ground, not a difference")
