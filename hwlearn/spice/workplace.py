"""Where ngspice's thread works: BSIM models write log files, such as b3v33check.log, into whatever folder they are in."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CLONE_FS = 0x200
_COMMANDS = (".control", "*#", ".exec", ".system", ".shell", "shell")


def leave() -> None:
    """Move this thread alone to a folder that all of a user's processes share; elsewhere than on Linux it stays.

    The folder must be this user's own, since a file in it that leads elsewhere would be written.
    """
    if sys.platform != "linux":
        return
    folder = Path(tempfile.gettempdir()) / f"hwlearn-ngspice-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(0o700, exist_ok=True)
        found = folder.lstat()
        own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        if own and ctypes.CDLL(None).unshare(_CLONE_FS) == 0:
            os.chdir(folder)


def come_back(deck: Iterable[str]) -> None:
    """Move this thread to where the process is, if a deck may name files there: one does only if it is trusted."""
    if sys.platform == "linux" and has_commands(deck):
        os.chdir(f"/proc/{os.getpid()}/cwd")


def has_commands(deck: Iterable[str]) -> bool:
    """True for a deck with commands, or elements of code models."""
    return any(line[:1] in "aA" or line.lstrip().lower().startswith(_COMMANDS) for line in deck if line)
