"""Arrays of files that may be anybody's: read no further than the file is long, whatever it declares."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
from io import FileIO
from typing import IO

import numpy as np

from hwlearn.arrays import Array


def read_arrays(file: FileIO) -> dict[str, Array]:
    """What `numpy.savez` wrote of float64 arrays, by name.

    Raises:
        ValueError: it is something else; compressed, or larger by its own account than the file is.
    """
    length = os.fstat(file.fileno()).st_size
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if any(part.compress_type != zipfile.ZIP_STORED or part.flag_bits & 1 for part in parts):
                raise ValueError("its arrays are compressed, which hwlearn never does")
            if sum(part.file_size for part in parts) > length:
                raise ValueError(f"its arrays would be {sum(part.file_size for part in parts)} bytes, the file is {length}")
            found = {}
            for part in parts:
                with archive.open(part) as opened:
                    found[part.filename.removesuffix(".npy")] = read_array(opened, part.file_size)
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, KeyError, OverflowError) as error:
        raise ValueError(str(error)) from None


def read_array(file: IO[bytes] | FileIO, length: int) -> Array:
    """What `numpy.save` wrote of a float64 array, to the end of the file, `length` bytes in all.

    Raises:
        ValueError: it is something else, or another length.
    """
    shape, fortran, kind = read_header(file)
    if kind != np.float64:
        raise ValueError(f"an array of {kind}, not of float64")
    wanted = 8 * math.prod(shape)
    if min(shape, default=0) < 0 or wanted != length - file.tell():
        raise ValueError(f"an array of shape {shape} in {length} bytes")
    content = file.read(wanted)
    if len(content) != wanted:
        raise ValueError("an array that is cut off")
    return np.frombuffer(content, np.float64).reshape(shape, order="F" if fortran else "C").copy(order="A")


def read_header(file: IO[bytes] | FileIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, order and type of what `numpy.save` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version} of numpy's format, which no run needs")
        return np.lib.format.read_array_header_1_0(file)
    except (
        SyntaxError,
        tokenize.TokenError,
        TypeError,
        RecursionError,
        MemoryError,
        EOFError,
        UnicodeError,
        OverflowError,
        KeyError,
        AttributeError,
    ) as error:
        raise ValueError(f"no array: {error}") from None
