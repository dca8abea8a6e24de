"""The checkpoint of a run: named arrays in an npz file without pickle, and the last step's in a file beside it.

The npz file is on the disk when it takes the place of the last one, which costs milliseconds: `Checkpoint` does that every
second or so, against power cuts. The snapshot of every step goes into one of the two rows of latest.npy, in turn, which costs
microseconds and outlives the process. A row is [step count, CRC-32 of the names and shapes, CRC-32 of the values, values…].
A torn row is known by its CRC, and then the other one holds.
"""

from __future__ import annotations

import io
import math
import os
import struct
import time
import zlib
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.arrays import read_array, read_arrays
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.files import plain, renewed, replace, write

EVERY, SHARE = 1.0, 0.1
"""Seconds between two npz files, at least; and the part of the time that they may take."""

HEAD, COUNT = 3, "checkpoint.count"


class Checkpoint:
    """The checkpoint of a run that goes on.

    Args:
        path: of the npz file. latest: of the rows.
    """

    def __init__(self, path: Path, latest: Path) -> None:
        self._path, self._latest = path, latest
        self._shapes: list[tuple[str, tuple[int, ...]]] = []
        self._layout, self._count, self._first, self._due = 0, 0, 0, 0.0
        self._file: FileIO | None = None  # what it held is needed until the first npz file is there

    def save(self, snapshot: Mapping[str, Array], *, whole: bool = False) -> None:
        """Keep a snapshot, instead of the last one; with `whole` on the disk."""
        now, shapes = time.monotonic(), [(name, value.shape) for name, value in snapshot.items()]
        self._count += 1
        if whole or now >= self._due or shapes != self._shapes:
            content = {COUNT: np.array(float(self._count)), **snapshot}
            with refusing_to_lose(self._path):
                replace(self._path, lambda file: np.savez(file, **content))  # type: ignore[arg-type]
            self._due = max(now + EVERY, time.monotonic() + (time.monotonic() - now) / SHARE)
        if self._file is None or shapes != self._shapes:
            self._file = self._laid_out(snapshot)
            self._shapes = shapes
        values = b"".join([value.tobytes() for value in snapshot.values()])
        row = struct.pack("=3d", self._count, self._layout, zlib.crc32(values)) + values
        with refusing_to_lose(self._latest):
            self._file.seek(self._first + (self._count % 2) * len(row))
            write(self._file, row)

    def _laid_out(self, snapshot: Mapping[str, Array]) -> FileIO:
        """A file with two empty rows for such snapshots."""
        self.close()
        self._layout = _layout(snapshot)
        shape = (2, HEAD + sum(value.size for value in snapshot.values()))
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
        self._first = header.tell()
        with refusing_to_lose(self._latest):
            file = renewed(self._latest)
            write(file, header.getvalue())
            file.truncate(self._first + 8 * shape[0] * shape[1])
        return file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def load_checkpoint(path: Path, latest: Path) -> dict[str, Array] | None:
    """The last snapshot; None if there is none yet.

    Raises:
        ExperimentError: the file is damaged, or would be larger in memory than it is.
    """
    try:
        with plain(path) as file:
            whole = read_arrays(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{path}: not a whole checkpoint ({error}); start the run anew") from None
    count = whole.pop(COUNT, np.array(math.inf))
    return (_newer(latest, whole, float(count)) if count.shape == () else None) or whole


def _newer(latest: Path, whole: Mapping[str, Array], count: float) -> dict[str, Array] | None:
    """The newest row that is not torn and has the arrays of `whole`, if it is newer than that.

    After a power cut it may be older: it was not forced onto the disk.
    """
    try:
        with plain(latest) as file:
            rows = read_array(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):
        return None
    if rows.ndim != 2 or rows.shape[1] != HEAD + sum(value.size for value in whole.values()):
        return None
    layout, ends = _layout(whole), np.cumsum([value.size for value in whole.values()])
    good = [row for row in rows if row[1] == layout and row[2] == zlib.crc32(row[HEAD:].tobytes()) and row[0] > count]
    if not good:
        return None
    values = np.split(max(good, key=lambda row: float(row[0]))[HEAD:], ends[:-1])
    return {name: part.reshape(value.shape) for (name, value), part in zip(whole.items(), values, strict=True)}


def _layout(snapshot: Mapping[str, Array]) -> int:
    return zlib.crc32(repr([(name, value.shape) for name, value in snapshot.items()]).encode())
