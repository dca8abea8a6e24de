"""`load_station`: from a TOML file to a `Station`."""

from __future__ import annotations

import math
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from hwlearn.errors import RegistryError, StationError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.roles import Instrument
from hwlearn.lab.station.gates import GateCurve
from hwlearn.lab.station.places import places
from hwlearn.lab.station.settings import CodeTableTable, StationSettings
from hwlearn.lab.station.station import Station
from hwlearn.lab.station.tables import CodeTable, read_rows
from hwlearn.lab.station.validation import validate_instruments
from hwlearn.text import did_you_mean
from hwlearn.toml import STATION, read_toml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TRUST = "if you trust this station, say so: --trust-station, or trust=True"


Settings = TypeVar("Settings", bound=BaseModel)


def load_station(path: str | PathLike[str], trust: bool = False) -> Station:
    """Read and check a station file, its code tables and its calibration; CSV files are relative to it.

    Args:
        path: the file.
        trust: let the file name drivers as "module:Class". To import them is to run them; `module.py` is looked for beside the
            file first.

    Raises:
        StationError: names the file and the key.
    """
    file = Path(path)
    _, content = read_toml(file, STATION, StationError)
    if content.get("program") == "autonomous":
        raise StationError(f"{file}: this hardware learns by itself, and is only read: `hwlearn bench watch`")
    return station_of(file, content, StationSettings, lambda settings: settings, trust)[1]


def station_of(
    file: Path, content: dict[str, Any], kind: type[Settings], fitted: Callable[[Settings], StationSettings], trust: bool
) -> tuple[Settings, Station]:
    """The checked content of a file, and the station that it describes.

    Args:
        kind: the tables and keys of such a file. fitted: makes the settings of a station from them.

    Raises:
        StationError: names the file and the key.
    """
    try:
        found = kind.model_validate(content)
    except ValidationError as error:
        raise StationError(f"{file}: {'; '.join(dict.fromkeys(map(_message, _told(error.errors()))))}") from None
    settings = fitted(found)
    drivers = _drivers(settings, file, trust)
    validate_instruments(settings, file, drivers)
    tables, offsets, gates = _tables(settings, file), _offsets(settings, file), _gates(settings, file)
    return found, Station(settings, file, drivers, tables, offsets, gates, trust)


def as_built(station: Station) -> Station:
    """The station whose bench a virtual one is: itself, or the one that its [virtual] station names.

    Raises:
        StationError: that file is no station, or names itself.
    """
    seen: list[Path] = []
    while (other := station.settings.virtual.station) is not None:
        path = station.path.parent / other
        seen.append(station.path.resolve())
        if path.resolve() in seen:
            raise StationError(
                f"{station.path}: virtual.station = {other!r} leads back to {path}; name the file it was made from"
            )
        station = load_station(path, station.trusted)
    return station


def _drivers(settings: StationSettings, file: Path, trust: bool) -> dict[str, type[Instrument]]:
    """The driver of each instrument."""
    drivers = {}
    for name, table in settings.instrument.items():
        key = f"{file}: instrument.{name}.driver"
        try:
            if ":" in table.driver and not trust:
                raise ValueError(f"{table.driver!r} is code; {TRUST}")
            driver = DRIVERS.get(table.driver, trust=trust, beside=file.parent)
            if not trust and (named := driver.code(table)):
                raise ValueError(f"{named} is code; {TRUST}")
            drivers[name] = driver.fitted(table)
        except (RegistryError, ValueError) as error:
            raise StationError(f"{key}: {error}") from error
    return drivers


def _tables(settings: StationSettings, file: Path) -> dict[str, CodeTable]:
    """Code table of each edge that is set; edges of the same table and series resistor share one."""
    made: dict[tuple[str, float], CodeTable] = {}
    tables = {}
    for name, edge in settings.edge.items():
        if edge.table is None:
            continue
        if edge.table not in settings.table:
            hint = did_you_mean(edge.table, settings.table)
            raise StationError(f"{file}: edge.{name}.table: no table {edge.table!r}{hint}")
        key = (edge.table, edge.series_ohm)
        if key not in made:
            try:
                made[key] = _table(settings.table[edge.table], edge.series_ohm, file)
            except StationError as error:
                raise StationError(f"{file}: table.{edge.table} for edge.{name}: {error}") from None
        tables[name] = made[key]
    return tables


def _table(given: CodeTableTable, series_ohm: float, file: Path) -> CodeTable:
    if given.file is not None:
        return CodeTable.from_csv(file.parent / given.file, series_ohm, given.min_code, given.max_code)
    full = given.full_scale_ohm or math.nan
    return CodeTable.linear(given.bits, full, given.wiper_ohm, series_ohm, given.min_code, given.max_code)


def _gates(settings: StationSettings, file: Path) -> dict[str, GateCurve]:
    """Measured curve of each gate that has one."""
    gates = {name: edge.gate for name, edge in settings.edge.items() if edge.gate is not None}
    return {name: GateCurve.from_csv(file.parent / gate.file) for name, gate in gates.items() if gate.file is not None}


def _offsets(settings: StationSettings, file: Path) -> dict[str, float]:
    """Calibrated offset of each channel [V]."""
    if settings.calibration.offsets is None:
        return {}
    path = file.parent / settings.calibration.offsets
    offsets = {}
    known = {place for key, place in places(settings) if key.endswith(".read")}
    for number, (channel, volt) in read_rows(path, ("channel", "volt")):
        if channel not in known:
            raise StationError(f"{path}:{number}: no node is read by {channel!r}{did_you_mean(channel, known)}")
        if channel in offsets:
            raise StationError(f"{path}:{number}: {channel} is given twice")
        try:
            offsets[channel] = float(volt)
        except ValueError:
            offsets[channel] = math.nan
        if not math.isfinite(offsets[channel]):
            raise StationError(f"{path}:{number}: {volt!r} is no voltage")
    return offsets


def _told(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Of a key that may be one thing or another, only the errors of what was meant."""

    def meant(error: ErrorDetails) -> bool:
        kind, place = error["type"], error["loc"] or ("",)
        if kind == "string_type" and isinstance(error["input"], dict):
            return not (place[0] == "output" and "SeriesNudge" not in place)
        return not (kind == "model_type" and place[-1] == "SeriesNudge") and not str(place[-1]).startswith("literal[")

    return list(filter(meant, errors))


def _message(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"] if part not in ("Place", "constrained-str", "SeriesNudge"))
    if error["type"] == "extra_forbidden":
        *tables, last = [str(part) for part in error["loc"]]
        return f"unknown key {key}{did_you_mean(last, _fields(tables))}"
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "string_pattern_mismatch":
        other = {"source": ', or "ground" or "external"', "node": ', or "estimate"'}.get(str(error["loc"][0]), "")
        return f"{key} = {error['input']!r}: write a channel as instrument:channel, such as daq:101{other}"
    if error["type"] in ("model_type", "dict_type"):
        return f"{key} = {error['input']!r}: write a table of keys and values"
    text = error["msg"].removeprefix("Value error, ")
    if not key:
        return text
    return f"{key}: {text}" if error["type"] == "value_error" else f"{key} = {error['input']!r}: {text}"


def _fields(tables: list[str]) -> list[str]:
    """Keys of the table at this place of the file."""
    model: Any = StationSettings
    for name in tables:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            inside = [kind for kind in get_args(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
            model = inside[0] if inside else model
            continue
        if name not in model.model_fields:
            return []
        model = model.model_fields[name].annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        inside = [kind for kind in get_args(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = inside[0] if inside else StationSettings
    return [field.alias or name for name, field in model.model_fields.items()]
