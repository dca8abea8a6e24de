"""`validate_instruments`: what must hold between a station file and the drivers that it names."""

from __future__ import annotations

import re
from pathlib import Path

from hwlearn.errors import StationError
from hwlearn.lab.instruments.roles import ResistorBox, Scanner, SourceMeter
from hwlearn.lab.instruments.scpi.names import canonical as one_spelling
from hwlearn.lab.station.places import ROLES, Drivers, places
from hwlearn.lab.station.settings import StationSettings
from hwlearn.text import did_you_mean


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
            raise StationError(
                f"{path}: {key} = {place!r}: {name} is a {driver.__name__}, which is no {role.__name__}; name one that is"
            )
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


def _references(settings: StationSettings, path: Path) -> None:
    """Every node that is read against another comes down to one that is read against ground."""
    for name in settings.node:
        chain = [name]
        while (other := settings.node[chain[-1]].against) in settings.node:
            if other in chain:
                ring = " against ".join([*chain, other])
                raise StationError(f"{path}: node.{name}.against: {ring}: read one of them against ground")
            chain.append(other)
