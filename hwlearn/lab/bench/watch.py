"""`watch`: read hardware that learns by itself, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from hwlearn.inference.autonomous import Trajectory
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.scan import Scan
from hwlearn.lab.station.autonomous import AutonomousStation


def watch(
    watched: AutonomousStation, seconds: float, every: float = 0.0, progress: Callable[[float], None] | None = None
) -> Trajectory:
    """Read all its channels for `seconds` [s], one scan each `every` seconds [s], or as fast as the scanners are.

    Scanners are set up; no output is changed, not even at the end.

    Raises:
        InstrumentError: an instrument is missing, fails, or reads beyond `measure.max_abs_v`.
    """
    station, rows, times = watched.station, list[list[float]](), list[float]()
    gains = np.array([given.gain if (given := station.settings.channel.get(place)) else 1.0 for place in watched.places])
    subjects = [f"gate of {name}" for name in watched.gates] + [f"node {name}" for name in watched.nodes]
    with Connection(station, safe_at_end=False) as connection:
        scan = Scan(connection, station, watched.places, subjects)
        scan.configure()
        start = time.monotonic()
        while not times or times[-1] < seconds:
            before = time.monotonic() - start
            readings = scan.read(0, 1)[0] / gains
            times.append((before + time.monotonic() - start) / 2)
            rows.append(readings.tolist())
            if progress is not None:
                progress(times[-1])
            time.sleep(max(0.0, min(len(times) * every, seconds) - (time.monotonic() - start)))
    found, count = np.array(rows), len(watched.gates)
    return Trajectory(
        np.array(times),
        dict(zip(watched.gates, found[:, :count].T, strict=True)),
        dict(zip(watched.nodes, found[:, count:].T, strict=True)),
    )
