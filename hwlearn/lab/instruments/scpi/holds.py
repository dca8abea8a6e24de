"""`Hold`: one instrument for one process, by whatever name it goes."""

from __future__ import annotations

import getpass
import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from hwlearn.errors import InstrumentError
from hwlearn.files import read, replace
from hwlearn.locks import Busy, Lock, held

log = logging.getLogger(__name__)

ACCOUNT = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


class InUse(InstrumentError):
    """Another program of this account has the instrument."""


class Hold:
    """A lock on an instrument, and a file that says who has it.

    Each account has files of its own: those of others cannot be written, but everybody can see whether they are held.

    Args:
        key: what must be one instrument's: its resource, or its serial number. name, resource: for errors.
        must: refuse an instrument that cannot be locked, or that another account uses, instead of warning.

    Raises:
        InUse: a process of this account has it. InstrumentError: one of another account, or the lock cannot be taken.
    """

    def __init__(self, key: str, name: str, resource: str, *, must: bool = True) -> None:
        self._name, self._resource = name, resource
        path = lock_file(ACCOUNT, key)
        self._lock, self._owner = Lock(path), path.with_suffix(".pid")
        try:
            self._take()
        except InstrumentError as error:
            if must or isinstance(error, InUse):
                raise
            log.warning("%s; made safe all the same", error)

    def _take(self) -> None:
        for path in self._lock.path.parent.glob(self._lock.path.name.replace(f"-{ACCOUNT}-", "-*-")):
            if path != self._lock.path and held(path):
                account = path.name.split("-")[1]
                raise self._error(f"in use by process {_holder(path.with_suffix('.pid'))} of account {account}")
        try:
            self._lock.acquire()
        except Busy:
            holder = _holder(self._owner)
            advice = "is it another name of one that is open?" if holder == str(os.getpid()) else "end it first"
            raise InUse(f"in use by process {holder}; {advice}", self._name, self._resource) from None
        except OSError as error:
            raise self._unlocked(self._lock.path, error) from None
        try:
            replace(self._owner, str(os.getpid()).encode())
            self._owner.chmod(0o644)  # so that other accounts can say who it is
        except OSError as error:
            self._lock.release()
            raise self._unlocked(self._owner, error) from None

    def _unlocked(self, path: Path, error: OSError) -> InstrumentError:
        return self._error(
            f"cannot be locked: {path}: {error.strerror}; let its owner delete it, or set TMPDIR to a folder of yours"
        )

    def _error(self, text: str) -> InstrumentError:
        return InstrumentError(text, self._name, self._resource)

    def release(self) -> None:
        """Let others have it; again does nothing."""
        if self._lock.held:
            with suppress(OSError):
                self._owner.unlink()
            self._lock.release()


def lock_file(account: str, key: str) -> Path:
    """The file of an account's lock."""
    return Path(tempfile.gettempdir()) / f"hwlearn-{account}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock"


def _holder(owner: Path) -> str:
    """Number of the process that has the instrument."""
    try:
        return read(owner).decode(errors="replace")
    except OSError:
        return "unknown"
