"""`hwlearn bench calibrate`: the offsets and code tables of a bench, measured in place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwlearn.cli.command import File, Json
from hwlearn.cli.output import fill, new_table, print_json, say
from hwlearn.cli.progress import settings_bar
from hwlearn.cli.stations import StationFile, TrustStation
from hwlearn.errors import StationError

if TYPE_CHECKING:
    from hwlearn.inference.calibration import DeviceReadings, FittedDevices

LOOSE = 4.0
"""A chi² per reading that is worth a word."""

UNFIT = 0.02
"""Readings that are off the fit by this part of their size, rms, are explained by no devices: nothing is written."""


def calibrate(
    station: StationFile,
    experiment: File,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for station.toml, offsets.csv and code tables.")],
    settings: Annotated[int | None, typer.Option(min=1, help="Settings of the codes that are read.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")] = False,
    as_json: Json = False,
    trust_station: TrustStation = False,
) -> None:
    """Measure offsets and code tables in place; write a station file. Left safe.

    Run `hwlearn bench check` first: wiring that is wrong would be taken for resistance.
    """
    import datetime

    from hwlearn.experiments import load_experiment
    from hwlearn.inference.calibration import fit_devices
    from hwlearn.lab.bench.circuit import BenchCircuit
    from hwlearn.lab.bench.device_readings import read_devices
    from hwlearn.lab.station.write import write_calibrated

    if not overwrite and out.exists() and any(out.iterdir()):
        raise StationError(f"{out}: the folder is not empty; name a new one, or --overwrite")
    network = load_experiment(experiment).network
    with BenchCircuit(network, station, verify=False, trust=trust_station) as circuit, settings_bar() as progress:
        readings = read_devices(circuit, settings, progress)
    found = fit_devices(network, circuit.station, readings)
    _refuse_unfit(found, readings, station)
    seen = {name: found.resistances[name] for name, ok in zip(network.edge_names, found.seen, strict=True) if ok}
    worst = float(found.error[found.seen].max(initial=0.0))
    written = write_calibrated(circuit.station, out, seen, readings.offsets, worst, datetime.date.today())
    unseen = [name for name in network.edge_names if name not in seen]
    if as_json:
        print_json(_as_json(found, readings, written.path))
    else:
        _print_tables(found, readings)
        print(f"written to {written.path}: {_advice(found.chi_square, unseen)}")
    for note in _notes(found, readings, unseen, circuit.external_supplies):
        say(f"note: {note}")
    written.validate(network)


def _refuse_unfit(found: FittedDevices, readings: DeviceReadings, station: Path) -> None:
    """Refuse a fit that explains nothing: no devices make these readings, or no reading says anything of a device.

    Raises:
        StationError: what to do.
    """
    import numpy as np

    size = float(np.sqrt(np.square(readings.voltages[..., readings.read]).mean()))
    misfit = math.sqrt(found.chi_square) * readings.noise
    if misfit > UNFIT * size:
        raise StationError(
            f"{station}: nothing was written: the readings are {misfit:.2g} V off what any resistors would make (chi² per "
            f"reading {found.chi_square:.3g}), worst at node {found.worst_node}; the wiring is wrong, or a lead is exchanged: "
            "run `hwlearn bench check`"
        )
    if not found.seen.any():
        raise StationError(
            f"{station}: nothing was written: no reading says anything of {', '.join(found.network.edge_names)}: no source "
            "drives them, or the noise is too large; run `hwlearn bench check`"
        )


def _as_json(found: FittedDevices, readings: DeviceReadings, path: Path) -> dict[str, Any]:
    edges = zip(found.network.edge_names, found.seen, found.factor, found.error, strict=True)
    return {
        "station": str(path),
        "edges": {
            name: {"seen": bool(ok), "factor": float(factor), "error": float(error)} for name, ok, factor, error in edges
        },
        "offsets": readings.offsets,
        "offset_error": readings.offset_error,
        "scale_error": found.scale_error,
        "scale_from_current": readings.injected,
        "chi_square": found.chi_square,
    }


def _print_tables(found: FittedDevices, readings: DeviceReadings) -> None:
    edges = new_table("edge", "fitted/nominal", "±")
    rows = zip(found.network.edge_names, found.factor, found.error, found.seen, strict=True)
    fill(edges, [(name, f"{f:.4f}", f"{100 * e:.2g} %") if ok else (name, "not seen", "") for name, f, e, ok in rows])
    if readings.offsets is not None:
        channels = new_table("channel", "offset [V]", "±")
        fill(channels, [(name, f"{v:.3g}", f"{readings.offset_error:.1g}") for name, v in readings.offsets.items()])


def _advice(chi_square: float, unseen: list[str]) -> str:
    """What to do with the station that was written."""
    if chi_square > LOOSE:
        return "do not use it before `hwlearn bench check` passes with it, for it fits badly"
    kept = f", with the table of {', '.join(unseen)} as it was, for nothing was measured of {'them' if unseen[1:] else 'it'}"
    return f"give this file as the station from now on{kept if unseen else ''}"


def _notes(found: FittedDevices, readings: DeviceReadings, unseen: list[str], supplies: tuple[str, ...]) -> Iterator[str]:
    """What the numbers do not say by themselves, where there is something."""
    if unseen:
        yield f"{', '.join(unseen)}: no reading says anything of {'them' if unseen[1:] else 'it'}; the table is kept"
    if not readings.injected:
        yield f"voltages fix no overall scale: it is that of the nominal tables, to {100 * found.scale_error:.2g} %"
    if readings.offsets is None:
        yield f"offsets were not measured: {', '.join(supplies)} cannot be switched to zero"
    if found.chi_square > LOOSE:
        yield (
            f"chi² per reading is {found.chi_square:.3g}, worst at node {found.worst_node}: two numbers do not describe a "
            "device, or the wiring is wrong; run `hwlearn bench check`. The errors count it in"
        )
