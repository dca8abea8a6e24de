"""Folders and files that commands leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwlearn.errors import ExperimentError
from hwlearn.files import replace
from hwlearn.locks import Busy, Lock

LOCK = ".lock"
"""File of a folder while a process is at work in it."""


@contextmanager
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Keep other processes away from a folder that is there; `what` is in it.

    Raises:
        ExperimentError: another process is at work there, or the lock cannot be made.
    """
    lock = Lock(folder / LOCK)
    try:
        lock.acquire()
    except Busy:
        raise ExperimentError(f"{folder}: another process is at work on this {what}; wait until it ends") from None
    except OSError as error:
        raise ExperimentError(f"{lock.path}: {error.strerror}; give a folder that can be written") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def alone_in_new(folder: Path, what: str) -> Iterator[None]:
    """`alone_in`, in a folder that is made if it is not there.

    Raises:
        ExperimentError: also if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExperimentError(f"{folder}: {error.strerror}") from None
    with alone_in(folder, what):
        yield


def make_folder(folder: Path) -> None:
    """Make a folder before the work that it is for.

    Raises:
        ExperimentError: it cannot be made, or holds something already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(file.name != LOCK for file in folder.iterdir()):
            raise ExperimentError(f"{folder}: the folder is not empty; name a new one")
    except OSError as error:
        raise ExperimentError(f"{folder}: {error.strerror}") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an indented JSON file.

    Raises:
        ExperimentError: it cannot be written.
    """
    write_text(path, json.dumps(dict(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8, line ends as they are, in the place of an older one.

    Raises:
        ExperimentError: it cannot be written.
    """
    try:
        replace(path, text.encode())
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
