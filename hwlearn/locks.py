"""`Lock`: one process at a time, told by a file that is gone afterwards; and `held`, for the locks of other accounts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout


class Busy(Exception):
    """Another process holds the lock."""


class Lock:
    """A lock that the system releases when its process dies, however it does.

    Args:
        path: of a file that no other use is made of. It is deleted while the lock is still held: who opened it meanwhile
            finds that it is no longer there (filelock does), and makes a new one.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock, self._pid = path, FileLock(path, timeout=0), os.getpid()

    def acquire(self) -> None:
        """Take it now.

        Raises:
            Busy: another process, or another object of this one, has it.
            OSError: the file cannot be made there, or is a link.
        """
        try:
            self._lock.acquire()
        except Timeout:
            raise Busy from None

    @property
    def held(self) -> bool:
        """Whether this object has it, in this process."""
        return self._lock.is_locked and self._pid == os.getpid()

    def release(self) -> None:
        """Give it back; again does nothing, nor does a fork of the process that took it."""
        if self.held:
            with suppress(OSError):
                self.path.unlink()
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether a process holds the lock of a file, of any account; changes nothing. False where nobody can tell."""
    try:
        import fcntl
    except ImportError:  # Windows, where each account has a folder of its own for such files
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
