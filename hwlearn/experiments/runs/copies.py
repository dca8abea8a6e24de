"""Copies of the files that an experiment names, in its run folder: `files/SHA-256`, and in run.json the hash by path."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from hwlearn.errors import ExperimentError
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.files import plain, read, refuse_links, replace

LARGEST = 1_000_000_000
"""Bytes of all copies of a run."""


def keep(folder: Path, sources: Mapping[str, bytes]) -> dict[str, str]:
    """Copy files, by absolute path, into a run folder; the hashes by path, or nothing if they are larger than `LARGEST`."""
    if sum(map(len, sources.values())) > LARGEST:
        return {}
    home = folder / "files"
    with refusing_to_lose(home):
        refuse_links(home)
        home.mkdir(exist_ok=True)
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in sources.items()}
    for path, name in hashes.items():
        with refusing_to_lose(home / name):
            replace(home / name, sources[path])
    return hashes


def copies(folder: Path, hashes: Mapping[str, str]) -> dict[str, bytes]:
    """What the files held, by absolute path.

    Raises:
        ExperimentError: a copy is missing, a link, too large, or not what its hash says.
    """
    found, home, size = dict[str, bytes](), folder / "files", 0
    for path, name in hashes.items():
        try:
            refuse_links(home)
            with plain(home / name) as file:
                size += file.seek(0, 2)
            if size > LARGEST:
                raise ExperimentError(f"{home}: more than {LARGEST} bytes, which no run keeps")
            content = read(home / name)
        except OSError as error:
            raise ExperimentError(f"{home / name}: the copy of {path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != name:
            raise ExperimentError(f"{home / name}: damaged: not what {path} was; name the file by --experiment FILE")
        found[path] = content
    return found
