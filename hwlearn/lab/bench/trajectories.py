"""Trajectories as files: one line a scan, the time [s], then gates and nodes [V]."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwlearn.errors import StationError
from hwlearn.files import replace
from hwlearn.inference.autonomous import Trajectory
from hwlearn.lab.station.autonomous import AutonomousStation
from hwlearn.lab.station.tables import read_rows
from hwlearn.text import read_decimal


def write_trajectory(trajectory: Trajectory, path: Path) -> None:
    """Write a CSV file, whole.

    Raises:
        StationError: it cannot be written.
    """
    names = ["seconds", *(f"gate {name}" for name in trajectory.gates), *(f"node {name}" for name in trajectory.nodes)]
    columns = np.column_stack((trajectory.seconds, *trajectory.gates.values(), *trajectory.nodes.values()))
    lines = [",".join(names), *(",".join(f"{value:.9g}" for value in row) for row in columns.tolist())]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, ("\n".join(lines) + "\n").encode())
    except OSError as failed:
        raise StationError(f"{path}: {failed.strerror}") from None


def read_trajectory(path: Path, watched: AutonomousStation) -> Trajectory:
    """A file that `write_trajectory` made, with the gates and nodes of a station, in its order.

    Raises:
        StationError: names the file and the line.
    """
    names = [*(f"gate {name}" for name in watched.gates), *(f"node {name}" for name in watched.nodes)]
    rows: list[list[float]] = []
    for number, cells in read_rows(path, ("seconds", *names)):
        try:
            rows.append([read_decimal(cell) for cell in cells])
        except ValueError:
            raise StationError(f"{path}:{number}: {','.join(cells)!r} are no numbers") from None
        if rows[1:] and not rows[-1][0] > rows[-2][0]:
            raise StationError(f"{path}:{number}: time must rise from line to line")
    seconds, *columns = np.array(rows).T
    found, count = dict(zip(names, columns, strict=True)), len(watched.gates)
    read = list(found.values())
    return Trajectory(
        seconds, dict(zip(watched.gates, read[:count], strict=True)), dict(zip(watched.nodes, read[count:], strict=True))
    )
