"""Copies of the files that an experiment names: each under its SHA-256 in a store, and in run.json the hash by path."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path
from typing import Literal, get_args

from hwlearn.errors import ExperimentError, HwlearnWarning
from hwlearn.experiments.runs.disk import refusing_to_lose
from hwlearn.files import on_disk, plain, read, refuse_links, replace

LARGEST = 1_000_000_000
"""Bytes of all copies of a run."""

Place = Literal["files", "../files"]
"""A store, as seen from the run folder: its own, or that of the sweep which it is a cell of."""

PLACES: tuple[Place, ...] = get_args(Place)


@dataclass(frozen=True)
class Store:
    """A folder of copies. Content that several runs name is there once.

    Attributes:
        path: of the folder, made when something is kept. place: what a run folder calls it.
    """

    path: Path
    place: Place = "files"

    def keep(self, sources: Mapping[str, bytes]) -> dict[str, str]:
        """Copy what files held, by absolute path; the hashes by path.

        Nothing is kept of more than `LARGEST` bytes, which a warning says.
        """
        size = sum(map(len, sources.values()))
        if size > LARGEST:
            warnings.warn(
                f"{self.path.parent}: the files that its experiment names are {size / 1e9:.2f} GB, and no more than "
                f"{LARGEST / 1e9:g} GB are copied; keep them where they are, or plot, report and resume cannot read them",
                HwlearnWarning,
                stacklevel=3,
            )
            return {}
        with refusing_to_lose(self.path):
            refuse_links(self.path)
            self.path.mkdir(exist_ok=True)
        hashes = hashes_of(sources)
        for path, name in hashes.items():
            with refusing_to_lose(self.path / name):
                if not self._has(name):
                    replace(self.path / name, sources[path])
        return hashes

    def _has(self, name: str) -> bool:
        refuse_links(self.path / name)
        return (self.path / name).exists() and _hash_of(self.path / name) == name

    def copies(self, hashes: Mapping[str, str]) -> dict[str, bytes] | None:
        """What the files held, by absolute path; None if not all of them are kept.

        Raises:
            ExperimentError: a copy is a link, too large, or not what its hash says.
        """
        found, size = dict[str, bytes](), 0
        for path, name in hashes.items():
            copy = self.path / name
            try:
                refuse_links(self.path)
                with plain(copy) as file:
                    size += file.seek(0, 2)
                if size > LARGEST:
                    raise ExperimentError(f"{self.path}: more than {LARGEST} bytes, which no run keeps")
                content = read(copy)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise ExperimentError(f"{copy}: the copy of {path}: {error.strerror}") from None
            if hashlib.sha256(content).hexdigest() != name:
                raise ExperimentError(f"{copy}: damaged: not what {path} was; name the file by --experiment FILE")
            found[path] = content
        return found


@dataclass(frozen=True)
class Kept:
    """Files that are in a store already.

    Attributes:
        place: of the store, as seen from the run folder. hashes: SHA-256 by absolute path.
    """

    place: Place
    hashes: Mapping[str, str]


def hashes_of(sources: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 by path."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in sources.items()}


def other_than(hashes: Mapping[str, str]) -> list[str]:
    """Which of the files are not what they were, or gone."""
    return [path for path, name in hashes.items() if not isfile(path) or _hash_of(Path(path)) != name]


class OrFiles(dict[str, bytes]):
    """Copies by absolute path; of other paths, what the files themselves hold."""

    def __contains__(self, path: object) -> bool:
        return super().__contains__(path) or isfile(str(path))

    def __missing__(self, path: str) -> bytes:
        return on_disk(Path(path))


def _hash_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(on_disk(path)).hexdigest()
    except OSError:
        return None
