"""Files that a crash, a power cut or a full disk leaves whole: the old one or the new one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from hwlearn.errors import ExperimentError


@contextmanager
def refusing_to_lose(path: Path) -> Iterator[None]:
    """A write that fails inside says which file, and that the run can go on.

    Raises:
        ExperimentError: disk full, no rights, and the like.
    """
    try:
        yield
    except OSError as error:
        raise ExperimentError(
            f"{path}: {error.strerror}; the last checkpoint is whole: make room, then `hwlearn resume {path.parent}`"
        ) from None


def write(file: RawIOBase, content: bytes) -> None:
    """Write all of it at once, or raise OSError."""
    if file.write(content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file beside `path`, onto the disk, then put it in its place in one step."""
    beside = path.with_name(f"{path.name}.new")
    with refusing_to_lose(path):
        try:
            with beside.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
