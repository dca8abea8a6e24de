"""trajectory.npy: the conductances, codes and outputs along a run, which `numpy.load` reads without pickle.

A row is [number, at, conductances, codes, outputs, CRC-32 of these]; the number counts the steps from the first row on. The
rows whose number is a multiple of the stride are kept, a power of two that doubles when they get too many (`Trajectory`).
Below them stands the row of the last step, which the next one overwrites unless it is kept. So a run that is killed has lost
one step at most, and one that goes on has the same rows in the end as if it had never stopped. A torn row is known by its CRC.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import ExperimentError
from hwlearn.experiments.execution import Point
from hwlearn.experiments.outcome import LARGEST, LEAST
from hwlearn.experiments.runs.arrays import read_header
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.files import plain, replace, write
from hwlearn.learning.trajectory import Trajectory, most_points, stride

Rows = NDArray[Any]
CRC = 4
"""Bytes at the end of a row."""

MOST_OUTPUTS = 1000
"""Outputs of all samples that are kept with each row: of more, the conductances tell them."""


class TrajectoryFile:
    """The trajectory of a run that goes on.

    Args:
        path: of the file. name: "step", or "t" in continuous time. rows: see `hwlearn.learning.trajectory.ROWS`.
    """

    def __init__(self, path: Path, name: str, rows: int) -> None:
        self._path, self._name, self._wanted = path, name, rows
        self._file: FileIO | None = None
        self._kind, self._most, self._stride, self._first = np.dtype([("crc", "<u4")]), 0, 1, 0
        self._number, self._kept, self._said = 0, 0, 0

    def note(self, at: float, point: Point) -> None:
        """Add the row of a step; the first time, rows from there on are taken back."""
        if not self._wanted:
            return
        if self._file is None:
            counted = self._begin(at, point)
        else:
            counted = self._number + 1
        self._number = int(at) if self._name == "step" else counted
        row = _row(self._kind, self._number, at, point)
        if self._number % self._stride == 0 and self._kept == self._most:
            self._thin()
        with refusing_to_lose(self._path):
            assert self._file is not None
            self._file.seek(self._first + self._kept * self._kind.itemsize)
            write(self._file, row)
            if self._said != self._kept + 1:
                self._said = self._kept + 1
                self._file.seek(0)
                write(self._file, _header(self._kind, self._said))
        self._kept += self._number % self._stride == 0

    def close(self) -> None:
        """Nothing more is added."""
        if self._file is not None:
            self._file.close()

    def _begin(self, at: float, point: Point) -> int:
        """Lay the file out for such rows, with those before the step that is about to be made; the number of that."""
        self._kind = _kind_for(point)
        self._most = most_points(self._wanted, self._kind.itemsize)
        found = _whole(self._path)
        before = np.zeros(0, self._kind) if found is None else _as(found, self._kind)
        earlier, later = before[before["at"] < at], before[before["at"] >= at]
        count = int(later["number"][0]) if len(later) else int(earlier["number"][-1]) + 1 if len(earlier) else 0
        self._stride = stride(max(int(at) if self._name == "step" else count, 1), self._most)
        self._write(earlier[earlier["number"] % self._stride == 0])
        return count

    def _thin(self) -> None:
        """Give up every second row."""
        self._stride *= 2
        rows = _whole(self._path)
        assert rows is not None
        kept = rows[: self._kept]
        self.close()
        self._write(kept[kept["number"] % self._stride == 0])

    def _write(self, rows: Rows) -> None:
        self._kept = self._said = len(rows)
        header = _header(self._kind, self._kept)
        self._first = len(header)
        with refusing_to_lose(self._path):
            replace(self._path, header + rows.tobytes())
            self._file = _reopened(self._path)


def read_trajectory(path: Path) -> Trajectory | None:
    """The trajectory of a run; None if it has none.

    Raises:
        ExperimentError: the file is damaged.
    """
    rows = _whole(path)
    if rows is None:
        return None
    names = rows.dtype.names or ()
    at, conductances = rows["at"].copy(), rows["conductances"].copy()
    sound = np.isfinite(at).all() and (np.diff(at) > 0).all() and (at >= 0).all()
    if not (sound and ((conductances >= LEAST) & (conductances <= LARGEST)).all()):
        raise ExperimentError(f"{path}: damaged: no conductances of steps; delete it, the run does not need it")
    codes = rows["codes"].astype(np.intp) if "codes" in names else None
    return Trajectory(at, conductances, codes, rows["outputs"].copy() if "outputs" in names else None)


def _row(kind: np.dtype[np.void], number: int, at: float, point: Point) -> bytes:
    """One row, as it stands in the file."""
    names = kind.names or ()
    parts = [struct.pack("<qd", number, at), point.conductances.tobytes()]
    if "codes" in names:
        codes = np.full(kind["codes"].shape, -1) if point.codes is None else point.codes
        parts.append(codes.astype("<i8", copy=False).tobytes())
    if "outputs" in names:
        shape, outputs = kind["outputs"].shape, point.outputs
        parts.append((outputs if outputs is not None and outputs.shape == shape else np.full(shape, np.nan)).tobytes())
    content = b"".join(parts)
    return content + struct.pack("<I", zlib.crc32(content))


def _as(rows: Rows, kind: np.dtype[np.void]) -> Rows:
    """Rows of a run that goes on with another backend: without codes or outputs where there were none."""
    if rows.dtype == kind:
        return rows
    if rows.dtype["conductances"] != kind["conductances"]:
        return np.zeros(0, kind)
    given: dict[str, Any] = {name: rows[name] for name in Point._fields if name in (rows.dtype.names or ())}
    blank: dict[str, Any] = dict.fromkeys(Point._fields)
    made = [
        _row(kind, int(row["number"]), float(row["at"]), Point(**blank | {name: given[name][k] for name in given}))
        for k, row in enumerate(rows)
    ]
    return np.frombuffer(b"".join(made), kind)


def _kind_for(point: Point) -> np.dtype[np.void]:
    outputs = None if point.outputs is None or point.outputs.size > MOST_OUTPUTS else point.outputs.shape
    return _kind(len(point.conductances), point.codes is not None, outputs)


def _kind(edges: int, coded: bool, outputs: tuple[int, ...] | None) -> np.dtype[np.void]:
    fields: list[Any] = [("number", "<i8"), ("at", "<f8"), ("conductances", "<f8", (edges,))]
    fields += [("codes", "<i8", (edges,))] if coded else []
    fields += [("outputs", "<f8", outputs)] if outputs is not None else []
    return np.dtype([*fields, ("crc", "<u4")])


def _header(kind: np.dtype[np.void], count: int) -> bytes:
    """As long for any count: `numpy.load` takes the count from here."""
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _whole(path: Path) -> Rows | None:
    """The rows that are not torn, as far as the file goes, whatever its header says of their number."""
    try:
        with plain(path) as file:
            shape, _, kind = read_header(file)
            if len(shape) != 1 or kind != _expected(kind):
                raise ValueError(f"an array of {kind} and shape {shape}")
            left = os.fstat(file.fileno()).st_size - file.tell()
            rows = np.frombuffer(file.read(left // kind.itemsize * kind.itemsize), kind)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{path}: damaged ({error}); delete it, the run does not need it") from None
    good = [zlib.crc32(row.tobytes()[:-CRC]) == row["crc"] for row in rows]
    return rows[: good.index(False) if False in good else len(good)]


def _expected(kind: np.dtype[Any]) -> np.dtype[np.void]:
    """What a row with such fields is."""
    names = kind.names or ()
    if "conductances" not in names or len(kind["conductances"].shape) != 1:
        raise ValueError("no conductances")
    outputs = kind["outputs"].shape if "outputs" in names else None
    if math.prod(outputs or ()) > kind.itemsize or kind["conductances"].shape[0] > kind.itemsize:
        raise ValueError("rows that are larger than they are")
    return _kind(kind["conductances"].shape[0], "codes" in names, outputs)


def _reopened(path: Path) -> FileIO:
    """A file that this process has written, open to be read and written in any place."""
    return FileIO(os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb+")
