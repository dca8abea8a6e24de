"""The checkpoint of a run: named arrays in an npz file without pickle, and the last step's in a file beside it.

The npz file is on the disk when it takes the place of the last one, which costs milliseconds: `Checkpoint` does that every
second or so, against power cuts. The snapshot of every step goes into one of the two slots of latest.bin, in turn, which costs
microseconds and outlives the process. A slot is float64 numbers: [step count, CRC-32 of the names and shapes, CRC-32 of
the values, values…]. A torn slot is known by its CRC, and then the other one holds.
"""

from __future__ import annotations

import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwlearn.circuits.base import Array
from hwlearn.errors import ExperimentError
from hwlearn.runs.disk import refusing_to_lose, replace, write

EVERY, SHARE = 1.0, 0.1
"""Seconds between two npz files, at least; and the part of the time that they may take."""

HEAD = 3


class Checkpoint:
    """The checkpoint of a run that goes on.

    Args:
        path: of the npz file. latest: of the slots.
    """

    def __init__(self, path: Path, latest: Path) -> None:
        self._path, self._latest = path, latest
        self._shapes: list[tuple[str, tuple[int, ...]]] = []
        self._layout, self._count, self._due = 0, 0, 0.0
        with refusing_to_lose(latest):
            self._file = latest.open("w+b", buffering=0)

    def save(self, snapshot: Mapping[str, Array], *, whole: bool = False) -> None:
        """Keep a snapshot, instead of the last one; with `whole` on the disk."""
        now, shapes = time.monotonic(), [(name, value.shape) for name, value in snapshot.items()]
        if whole or now >= self._due or shapes != self._shapes:
            replace(self._path, lambda file: np.savez(file, **dict(snapshot)))  # type: ignore[arg-type]
            self._shapes, self._layout = shapes, _layout(snapshot)
            self._due = max(now + EVERY, time.monotonic() + (time.monotonic() - now) / SHARE)
        self._count += 1
        values = b"".join([value.tobytes() for value in snapshot.values()])
        slot = struct.pack("=3d", self._count, self._layout, zlib.crc32(values)) + values
        with refusing_to_lose(self._latest):
            self._file.seek((self._count % 2) * len(slot))
            write(self._file, slot)

    def close(self) -> None:
        self._file.close()


def load_checkpoint(path: Path, latest: Path) -> dict[str, Array] | None:
    """The last snapshot; None if there is none yet.

    Raises:
        ExperimentError: the file is damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            whole = {name: np.asarray(file[name], dtype=np.float64) for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ExperimentError(f"{path}: not a whole checkpoint ({error}); start the run anew") from None
    return _newest(latest, whole) or whole


def _newest(latest: Path, whole: Mapping[str, Array]) -> dict[str, Array] | None:
    """The newer slot that is not torn and has the arrays of `whole`."""
    try:
        numbers = np.fromfile(latest)
    except OSError:
        return None
    ends = np.cumsum([value.size for value in whole.values()])
    size = HEAD + int(ends[-1])
    slots = [numbers[at : at + size] for at in (0, size) if len(numbers) >= at + size]
    good = [slot for slot in slots if slot[1] == _layout(whole) and slot[2] == zlib.crc32(slot[HEAD:].tobytes())]
    if not good:
        return None
    values = np.split(max(good, key=lambda slot: float(slot[0]))[HEAD:], ends[:-1])
    return {name: part.reshape(value.shape) for (name, value), part in zip(whole.items(), values, strict=True)}


def _layout(snapshot: Mapping[str, Array]) -> int:
    return zlib.crc32(repr([(name, value.shape) for name, value in snapshot.items()]).encode())
