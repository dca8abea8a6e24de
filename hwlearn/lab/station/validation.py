"""What must hold of a station file before any instrument is touched."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.errors import HwlearnWarning, StationError
from hwlearn.lab.instruments.roles import Instrument, ResistorBox, Scanner, Source, SourceMeter, Thermometer
from hwlearn.lab.instruments.scpi.names import canonical as one_spelling
from hwlearn.lab.station.settings import SeriesNudge, StationSettings
from hwlearn.lab.station.visits import visit_seconds, within_watchdogs
from hwlearn.network import Network
from hwlearn.network.ports import canonical
from hwlearn.text import GROUND, did_you_mean

if TYPE_CHECKING:
    from hwlearn.lab.station.station import Station

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


def validate_wiring(station: Station, network: Network) -> None:
    """Refuse a station that does not fit the network.

    Raises:
        StationError: names file and key.

    Warns:
        HwlearnWarning: the calibration is old.
    """
    settings, path = station.settings, station.path
    try:
        _channels(settings)
        _wired(settings, station.drivers, network)
        _power(station, network)
        read = [place for key, place in places(settings) if key.endswith(".read")]
        within_watchdogs(settings, visit_seconds(settings, read, 1, settings.measure.settle_s))
    except StationError as error:
        raise StationError(f"{path}: {error}") from None
    _age(settings, path)


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


def validate_instruments(settings: StationSettings, path: Path, drivers: Drivers) -> None:
    """Refuse channels of instruments that the file does not have or that cannot do this.

    Raises:
        StationError: names file and key.
    """
    _addresses(settings, path, drivers)
    _integration_times(settings, path, drivers)
    _terminals(settings, path, drivers)
    for key, place in places(settings):
        name, _, channel = place.partition(":")
        if name not in settings.instrument:
            raise StationError(f"{path}: {key} = {place!r}: no instrument {name!r}{did_you_mean(name, settings.instrument)}")
        driver, role = drivers[name], ROLES[key.rpartition(".")[2]]
        if not issubclass(driver, role):
            raise StationError(f"{path}: {key} = {place!r}: {name} is a {driver.__name__}, which is no {role.__name__}")
        if driver.only and channel not in driver.only:
            raise StationError(
                f"{path}: {key} = {place!r}: a {driver.model} has no channel {channel!r}, only {', '.join(driver.only)}; "
                "add another one to the station for what needs a channel of its own"
            )
        if role is ResistorBox and not re.fullmatch("0|[1-9][0-9]{0,4}", channel):
            raise StationError(f"{path}: {key} = {place!r}: resistors are counted 0, 1, 2, … 99999; write {name}:0")
    read = {place for key, place in places(settings) if key.endswith(".read")}
    for place in settings.channel:
        if place not in read:
            raise StationError(f"{path}: channel.{place}: nothing is read by {place!r}{did_you_mean(place, read)}")
    _references(settings, path)
    for name in settings.safe.order:
        if name not in settings.instrument:
            raise StationError(f"{path}: safe.order: no instrument {name!r}{did_you_mean(name, settings.instrument)}")


def _references(settings: StationSettings, path: Path) -> None:
    """Every node that is read against another comes down to one that is read against ground."""
    for name in settings.node:
        chain = [name]
        while (other := settings.node[chain[-1]].against) in settings.node:
            if other in chain:
                ring = " against ".join([*chain, other])
                raise StationError(f"{path}: node.{name}.against: {ring}: read one of them against ground")
            chain.append(other)


def _addresses(settings: StationSettings, path: Path, drivers: Drivers) -> None:
    """Each instrument that needs an address has one of its own."""
    resources: dict[str, str] = {}
    for name, table in settings.instrument.items():
        if settings.defaults.backend == "virtual":
            continue
        if table.resource is None:
            if drivers[name].address:
                raise StationError(f"{path}: instrument.{name}.resource is missing: give its {drivers[name].address}")
            continue
        other = resources.setdefault(one_spelling(table.resource), name)
        if other != name:
            raise StationError(
                f"{path}: instrument.{name}.resource: {table.resource} is instrument.{other} already; make them one instrument"
            )


def _integration_times(settings: StationSettings, path: Path, drivers: Drivers) -> None:
    """Each instrument can integrate for as long as it shall."""
    hertz = settings.defaults.line_hz
    for name, table in settings.instrument.items():
        if not issubclass(drivers[name], Scanner | SourceMeter):
            continue
        nplc, (least, most) = table.nplc or settings.measure.nplc, drivers[name].nplcs(hertz)
        if not least <= nplc <= most:
            key = f"instrument.{name}.nplc" if table.nplc else "measure.nplc"
            raise StationError(
                f"{path}: {key} = {nplc:g}: {name} is a {drivers[name].model}, which takes {least:g} to {most:g} "
                f"at {hertz} Hz; give it instrument.{name}.nplc"
            )


def _terminals(settings: StationSettings, path: Path, drivers: Drivers) -> None:
    """Only an instrument that can be told its terminals is."""
    for name, table in settings.instrument.items():
        if table.terminals is not None and table.terminals not in drivers[name].terminals:
            raise StationError(
                f"{path}: instrument.{name}.terminals = {table.terminals!r}: a {drivers[name].model} cannot be told its "
                "terminals; leave the key out, and choose them by hand"
            )


def _channels(settings: StationSettings) -> None:
    used: dict[str, str] = {}
    for key, place in places(settings):
        name, _, channel = place.partition(":")
        same = f"{name}:{int(channel)}" if channel.isdecimal() else place  # 0101 is 101
        if same in used:
            raise StationError(f"{key}: channel {place} is used by {used[same]} already; wire one thing to a channel")
        used[same] = key


def _wired(settings: StationSettings, drivers: Drivers, network: Network) -> None:
    """Everything of the network is wired, and nothing else."""
    grounded = _grounded(settings, network)
    wanted = {  # sources first: which nodes are read follows from them
        "source": [source.name for source in network.fixed_sources],
        "node": [name for name in network.nodes if name != GROUND and name not in grounded],
        "edge": list(network.edge_names),
        "input": list(network.input_names),
        "output": list(network.output_names),
    }
    advice = {
        "node": "say which channel reads it",
        "edge": "say which channel sets it, or its fixed_ohm",
        "input": "say which channel drives it",
        "source": 'say which channel it is, "ground" or "external"',
    }
    for table, names in wanted.items():
        given: Mapping[str, object] = getattr(settings, table)
        for name in given:
            if name not in names:
                why = did_you_mean(name, names) or f"; there {'are' if names[1:] else 'is'} {', '.join(names) or 'none'}"
                if table == "node" and _at_ground(name, grounded):
                    why = ": it is wired to ground"
                raise StationError(f"{table}.{name}: {network.title} has no {table} {name!r} to wire{why}")
        if table in advice:
            missing = [name for name in names if name not in given]
            if missing:
                raise StationError(f"{table}.{missing[0]} is missing: {advice[table]}")
    _read(settings, network, grounded)
    _gated(settings, network)
    for source in network.fixed_sources:
        drive = settings.source[source.name].drive
        if drive == "ground" and source.value:
            raise StationError(f'source.{source.name} is {source.value:g} {source.unit}, and "ground" is 0 V')
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
    _currents(settings, drivers, network)
    for name in settings.output:
        nudge = settings.output[name].nudge
        if isinstance(nudge, SeriesNudge) and "," in name:
            raise StationError(f"output.{name}: a voltage behind a resistor nudges one node against ground, not a difference")


def _estimable(node: str, against: str | None, network: Network) -> None:
    """Refuse to estimate a node at which the law of currents alone does not say what flows."""
    key = f'node.{node}.read = "estimate"'
    if against is not None:
        raise StationError(f"{key}: what is not read is not read against {against}; leave against out")
    if not network.linear:
        raise StationError(f"{key}: {network.title} has more than linear resistors; say which channel reads it")
    ports = [(f"source {s.name}", s.plus, s.minus) for s in network.sources]
    ports += [(f"output {port.name}", port.plus, port.minus) for port in network.outputs]
    for what, *ends in ports:
        if node in ends:
            raise StationError(f"{key}: {what} is there; say which channel reads it")


def _read(settings: StationSettings, network: Network, grounded: set[str]) -> None:
    """Nodes are read against such as are read, and estimated where that can be done."""
    for name, node in settings.node.items():
        if node.read == "estimate":
            _estimable(name, node.against, network)
        reads = [other for other, table in settings.node.items() if table.read != "estimate"]
        if node.against is not None and node.against not in reads and not _at_ground(node.against, grounded):
            raise StationError(
                f"node.{name}.against = {node.against!r}: no such node is read{did_you_mean(node.against, reads)}"
            )


def _currents(settings: StationSettings, drivers: Drivers, network: Network) -> None:
    """Current sources are source meters, and need no shunt."""
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


def _gated(settings: StationSettings, network: Network) -> None:
    """Transistors have gates, resistors have none."""
    devices = {device.edge: device for device in network.devices}
    for name, edge in settings.edge.items():
        device, gate = devices.get(name), edge.gate
        if device is None and gate is not None:
            raise StationError(f"edge.{name}.gate: {network.title} has a resistor there; give set and table, or fixed_ohm")
        if device is not None and gate is None:
            raise StationError(
                f"edge.{name}: {network.title} has a {device.word} there; say which channel is its gate: "
                'gate = { drive = "dac:1", v_max = 5 }'
            )
        if device is not None and gate is not None and not device.conductance(gate.v_max) > 0:
            raise StationError(
                f"edge.{name}.gate.v_max = {gate.v_max:g} V: the {device.word} does not conduct there; raise it"
            )


def _at_ground(node: str, grounded: set[str]) -> bool:
    return node in grounded or canonical(node) == GROUND


def _grounded(settings: StationSettings, network: Network) -> set[str]:
    """Nodes that a wire ties to ground."""
    return {
        source.plus if source.minus == GROUND else source.minus
        for source in network.fixed_sources
        if source.name in settings.source
        and settings.source[source.name].drive == "ground"
        and GROUND in (source.plus, source.minus)
    }


def _power(station: Station, network: Network) -> None:
    """The worst case: an input at one end of an edge at its smallest resistance, an input or a nudge at the other."""
    settings, tables = station.settings, station.tables
    limits, index = settings.limits, {name: k for k, name in enumerate(network.edge_names)}
    curves = station.curves(network)
    reached = max(limits.v_node_max, limits.v_compliance) if settings.output else limits.v_node_max
    volts = limits.v_node_max + reached
    for name, edge in settings.edge.items():
        table = tables.get(name)
        if edge.gate is not None:
            smallest = 1 / curves[index[name]].conductance(edge.gate.v_max)
        elif table is None:
            smallest = float(edge.fixed_ohm or 0.0)
        else:
            smallest = float(np.min(table.resistances[table.min_code : table.max_code + 1]))
        power, current = volts**2 / smallest, volts / smallest
        if power > settings.limits.p_edge_max:
            raise StationError(
                f"edge.{name}: {volts:g} V across its smallest {smallest:.4g} Ω make {power:.3g} W, limits.p_edge_max is "
                f"{settings.limits.p_edge_max:g} W; raise series_ohm or min_code, or lower v_max of a gate, "
                "limits.v_node_max or v_compliance"
            )
        i_max = settings.table[edge.table].i_max if edge.table else None
        if i_max is not None and current > i_max:
            raise StationError(
                f"edge.{name}: {volts:g} V across its smallest {smallest:.4g} Ω make {current:.3g} A, "
                f"table.{edge.table}.i_max is {i_max:g} A; raise series_ohm or min_code, or lower limits.v_node_max and "
                "v_compliance"
            )


def _age(settings: StationSettings, path: Path) -> None:
    calibration = settings.calibration
    if calibration.date is None:
        return
    days = (datetime.date.today() - calibration.date).days
    if days > calibration.valid_days:
        warnings.warn(
            f"{path}: the calibration is {days} days old, valid for {calibration.valid_days}; run `hwlearn bench calibrate`",
            HwlearnWarning,
            stacklevel=4,
        )
