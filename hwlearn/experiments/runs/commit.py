"""The commit of a folder, read without git: a stranger's repository configures programs that git would run."""

from __future__ import annotations

import re
from pathlib import Path

_HASH, _REF = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"), re.compile(r"ref: (refs/[\w./+@-]+)")
LONGEST = 10_000_000
"""Bytes of a file of git that are read."""


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out where the folder lies; whether files have changed since is not told.

    None where there is no commit, or a repository that keeps its references otherwise than in files.
    """
    try:
        for above in (folder.absolute(), *folder.absolute().parents):
            if (above / ".git").exists():
                return _commit(_git_folder(above / ".git"))
    except (OSError, ValueError):
        pass
    return None


def _git_folder(place: Path) -> Path:
    """`.git` itself, or what it names in a work tree that shares a repository."""
    if place.is_dir():
        return place
    return place.parent / _text(place).removeprefix("gitdir: ").strip()


def _commit(git: Path) -> str | None:
    head = _text(git / "HEAD").strip()
    named = _REF.fullmatch(head)
    if named is None:
        return head if _HASH.fullmatch(head) else None
    name = named[1]
    if ".." in name:
        return None
    shared = git / _text(git / "commondir").strip() if (git / "commondir").exists() else git
    for home in (git, shared):
        if (home / name).exists():
            found = _text(home / name).strip()
            return found if _HASH.fullmatch(found) else None
    packed = (line.split(" ", 1) for line in _text(shared / "packed-refs").splitlines())
    return next((hash for hash, *ref in packed if ref == [name] and _HASH.fullmatch(hash)), None)


def _text(path: Path) -> str:
    if not path.is_file():
        raise OSError(f"{path} is no file")
    with path.open("rb") as file:
        return file.read(LONGEST).decode()
