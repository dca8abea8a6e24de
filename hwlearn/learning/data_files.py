"""`data_file`: samples in a file, as named columns: `Columns` of a CSV file or `Arrays` of an npz file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import TaskError
from hwlearn.files import given_content
from hwlearn.learning.columns import Columns
from hwlearn.text import did_you_mean

LARGEST = 2**32
"""Bytes that the arrays of a file may have when they are no longer compressed."""


class DataFile(Protocol):
    """Samples in named columns.

    Attributes:
        names: of the columns.
    """

    names: tuple[str, ...]

    def others(self, *names: str) -> tuple[str, ...]:
        """The names of all columns but some."""

    def numbers(self, names: Sequence[str]) -> Array:
        """(S, n) finite numbers, the columns side by side."""

    def labels(self, name: str) -> list[Any]:
        """(S,) the labels in a column."""

    def place(self, sample: int) -> str:
        """Where a sample stands, for messages."""


class Arrays:
    """An npz file of numpy: arrays of S numbers, or of S rows, each with a name.

    Raises:
        TaskError: names file and array.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file = file = Path(path)
        content = given_content(file, TaskError)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                size = sum(part.file_size for part in archive.infolist())
            if size > LARGEST:
                raise TaskError(f"{file}: its arrays would be {size} bytes; {LARGEST} are the most")
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                self._arrays: dict[str, NDArray[Any]] = {name: np.asarray(archive[name]) for name in archive.files}
        except TaskError:
            raise
        except Exception as error:  # whatever a damaged archive does to zipfile and numpy
            raise TaskError(f"{file}: no npz file of plain arrays, such as numpy.savez writes: {error}") from None
        self.names = tuple(self._arrays)

    def _array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            known = ", ".join(self.names) or "none"
            raise TaskError(f"{self._file}: no array {name!r} (there are {known}){did_you_mean(name, self.names)}")
        return self._arrays[name]

    def others(self, *names: str) -> tuple[str, ...]:
        """The names of all arrays but some."""
        for name in names:
            self._array(name)
        return tuple(name for name in self.names if name not in names)

    def numbers(self, names: Sequence[str]) -> Array:
        """(S, n) finite numbers, the arrays side by side; what a sample has in several axes is put in a row."""
        found: list[Array] = []
        for name in names:
            array = self._array(name)
            if array.dtype.kind not in "biuf" or array.ndim == 0:
                raise TaskError(f"{self._file}: array {name!r}: {array.dtype} of shape {array.shape}, need numbers by sample")
            values = array.astype(np.float64).reshape(len(array), -1)
            if not np.isfinite(values).all():
                sample = int(np.argwhere(~np.isfinite(values))[0, 0])
                raise TaskError(f"{self._file}: array {name!r}: sample {sample} holds what is no finite number")
            if found and len(found[0]) != len(values):
                raise TaskError(f"{self._file}: array {name!r} has {len(values)} samples, {names[0]!r} has {len(found[0])}")
            found.append(values)
        if not found or not len(found[0]):
            raise TaskError(f"{self._file}: no samples; it has the arrays {', '.join(self.names) or 'none'}")
        return np.concatenate(found, axis=1)

    def labels(self, name: str) -> list[Any]:
        """(S,) the labels in an array: numbers or text."""
        array = self._array(name)
        array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if array.ndim != 1 or array.dtype.kind not in "biufU":
            raise TaskError(
                f"{self._file}: array {name!r}: {array.dtype} of shape {array.shape}, need a number or a text for each sample"
            )
        found: list[Any] = array.tolist()
        return found

    def place(self, sample: int) -> str:
        """Where a sample stands."""
        return f"{self._file}: sample {sample}"


def data_file(path: str | PathLike[str]) -> DataFile:
    """The samples of a file: npz by its ending, CSV otherwise.

    Raises:
        TaskError: it cannot be read.
    """
    return Arrays(path) if Path(path).suffix.lower() == ".npz" else Columns(path)
