"""`write_calibrated`: a station file with measured code tables and offsets, written whole."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import StationError
from hwlearn.files import replace
from hwlearn.lab.station.load import load_station
from hwlearn.lab.station.station import Station

FILE = "station.toml"


def write_calibrated(
    station: Station,
    folder: Path,
    resistances: Mapping[str, Array],
    offsets: Mapping[str, float] | None,
    error: float,
    date: datetime.date,
) -> Station:
    """Write station.toml, offsets.csv and a code table per edge into a folder, replacing what is there.

    All else is as in the station's file, its comments left out; modules of drivers beside it are copied.

    Args:
        resistances: edge → (codes,) Ω by code, its series resistor included; of a fixed resistor (1,). The rest is kept.
        offsets: of read channels [V]; None keeps those of the station.
        error: relative standard error of a resistance, at worst.

    Returns:
        The new station, loaded.

    Raises:
        StationError: a file cannot be written.
    """
    content = station.settings.model_dump(by_alias=True, exclude_unset=True)
    given, files = content.get("table", {}), dict[str, str]()
    tables = {}
    for name, edge in station.settings.edge.items():
        if edge.table is not None and name not in resistances:
            tables[edge.table] = given[edge.table]
            if "file" in tables[edge.table]:
                tables[edge.table]["file"] = _relative(station, tables[edge.table]["file"], folder)
    for name, edge in station.settings.edge.items():
        if edge.gate is not None and edge.gate.file is not None:
            content["edge"][name]["gate"]["file"] = _relative(station, edge.gate.file, folder)
    for name, ohms in resistances.items():
        edge = station.settings.edge[name]
        if edge.table is None:
            content["edge"][name] = {"fixed_ohm": float(ohms[0])}
            continue
        file, table, nominal = _free(f"{_plain(name)}.csv", files), _free(name, tables), station.tables[name]
        files[file] = _csv(("code", "ohm"), {str(code): ohm for code, ohm in enumerate(ohms.tolist()) if ohm > 0})
        tables[table] = {"file": file, "min_code": nominal.min_code, "max_code": nominal.max_code}
        if "i_max" in given[edge.table]:
            tables[table]["i_max"] = given[edge.table]["i_max"]
        content["edge"][name] = {"set": edge.set, "table": table}
    content["table"] = tables
    calibration = content.setdefault("calibration", {})
    if offsets is not None:
        calibration["offsets"] = "offsets.csv"
        files["offsets.csv"] = _csv(("channel", "volt"), offsets)
    elif "offsets" in calibration:
        calibration["offsets"] = _relative(station, calibration["offsets"], folder)
    calibration["date"] = date
    calibration["conductance"] = max(error, station.settings.calibration.conductance)
    if station.settings.defaults.backend == "virtual":
        built = station.settings.virtual.station
        content["virtual"] = {"station": _relative(station, built or station.path.name, folder)}
    for name, instrument in station.settings.instrument.items():
        for module in (station.path.parent / f"{module}.py" for module in instrument.modules):
            if module.is_file():
                files[module.name] = module.read_text(encoding="utf-8")
        if instrument.qcodes is not None and instrument.qcodes.station is not None:
            content["instrument"][name]["qcodes"]["station"] = _relative(station, instrument.qcodes.station, folder)
    files[FILE] = f"# Calibrated from {station.path.name} on {date}\n" + to_toml(content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            replace(folder / file, text.encode())
    except OSError as failed:
        raise StationError(f"{folder}: {failed.strerror}") from None
    return load_station(folder / FILE, station.trusted)


def to_toml(content: Mapping[str, Any]) -> str:
    """A TOML document: numbers and text first, then a [table] for each of the rest, what is in these on a line each."""
    lines = [f"{quoted(key)} = {inline(value)}" for key, value in content.items() if not isinstance(value, Mapping)]
    for name, table in content.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{quoted(name)}]", *(f"{quoted(key)} = {inline(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    """A value of TOML, in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{quoted(key)} = {inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # text, numbers, true and false, as JSON has them


def quoted(name: str) -> str:
    """A key of TOML, quoted if it must be."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else inline(name)


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


def _free(name: str, taken: Mapping[str, object]) -> str:
    """The name, or with a number where it is taken, in whatever case."""
    known, stem, number = {other.casefold() for other in taken}, Path(name), 2
    while name.casefold() in known:
        name, number = f"{stem.stem}-{number}{stem.suffix}", number + 1
    return name


def _csv(columns: tuple[str, str], rows: Mapping[str, float]) -> str:
    digits = 8 if columns[1] == "ohm" else 4
    return (
        "\n".join([",".join(columns), *(f"{key},{np.format_float_scientific(v, digits)}" for key, v in rows.items())]) + "\n"
    )


def _relative(station: Station, file: str, folder: Path) -> str:
    """A file that is named relative to the station, relative to another folder."""
    return Path(os.path.relpath(station.path.parent / file, folder)).as_posix()
