"""Files that are written where they were meant to be, and whole or not at all.

A folder may be somebody else's: a link in it leads anywhere, a pipe never ends. Nothing here follows a link in the last place
of a path, or takes anything but a plain file. What fails raises OSError, whose `strerror` says why;
`given_content` and `given_text` raise an error of hwlearn instead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from hwlearn.errors import HwlearnError

_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

JUNCTION = 0xA0000003
"""Reparse tag of a folder that Windows finds elsewhere."""


_noted: ContextVar[MutableMapping[str, bytes] | None] = ContextVar("noted", default=None)
_copies: ContextVar[Mapping[str, bytes] | None] = ContextVar("copies", default=None)


@contextmanager
def given_from(copies: Mapping[str, bytes] | None, noted: MutableMapping[str, bytes]) -> Iterator[None]:
    """Inside, `given` reads copies alone, by absolute path, unless they are None; it adds what it reads to `noted`."""
    one, two = _copies.set(copies), _noted.set(noted)
    try:
        yield
    finally:
        _copies.reset(one)
        _noted.reset(two)


def is_given(path: Path) -> bool:
    """Whether `given` finds a file there."""
    copies = _copies.get()
    return path.is_file() if copies is None else os.path.abspath(path) in copies


def create(path: Path, content: bytes = b"") -> None:
    """Write a file that is not there yet."""
    with FileIO(_new(path), "wb") as file:
        write(file, content)


def replace(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Put a file in its place in one step, once it is whole and on the disk; a crash or a full disk leaves the old one.

    Args:
        path: of the file. content: what it holds, or what writes that.
    """
    mode = _mode(path)
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)  # of a process that was killed; of a link, the link
    try:
        with os.fdopen(_new(beside), "wb") as file:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def renewed(path: Path) -> FileIO:
    """An empty file in the place of what was there, open to be written and read in any place."""
    refuse_links(path)
    path.unlink(missing_ok=True)
    return FileIO(_new(path), "wb+")


def added_to(path: Path) -> FileIO:
    """A file, new or not, open to be read and to be added to at its end."""
    return _opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, "ab+", writing=True)


def read(path: Path) -> bytes:
    """The content of a plain file."""
    with plain(path) as file:
        return file.readall()


def given(path: Path) -> bytes:
    """The content of a file that a user or a user's file names, through links; of a device, which may never end, nothing."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no file has a NUL character in its name", str(path))
    name, copies, noted = os.path.abspath(path), _copies.get(), _noted.get()
    if copies is not None and name not in copies:
        raise FileNotFoundError(errno.ENOENT, "is not among the files that the run keeps", str(path))
    content = on_disk(path) if copies is None else copies[name]
    if noted is not None:
        noted[name] = content
    return content


def given_content(path: Path, error: type[HwlearnError]) -> bytes:
    """What `given` reads.

    Raises:
        HwlearnError: of the class `error`; names the file and what is wrong with it.
    """
    try:
        return given(path)
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except OSError as failure:
        raise error(f"{path}: {failure.strerror}") from None


def given_text(path: Path, error: type[HwlearnError]) -> str:
    """What `given` reads, as text; a byte order mark is left out.

    Raises:
        HwlearnError: of the class `error`; names the file and what is wrong with it.
    """
    try:
        return given_content(path, error).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path}: not UTF-8; save it as UTF-8") from None


def on_disk(path: Path) -> bytes:
    """What `given` reads where there are no copies."""
    with path.open("rb", buffering=0) as file:
        kind = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise OSError(errno.EINVAL, "is a device, not a file", str(path))
        return file.readall()


def plain(path: Path) -> FileIO:
    """A plain file, open to be read."""
    return _opened(path, os.O_RDONLY, "rb")


def write(file: FileIO, content: bytes) -> None:
    """Write all of it at once, or raise OSError."""
    if file.write(content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refuse_links(path: Path) -> None:
    """Raise OSError if the path is a symbolic link, or a Windows junction."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == JUNCTION:
            raise OSError(errno.ELOOP, "is a link, which is not followed; delete it, or name another place", str(path))


def _mode(path: Path) -> int | None:
    """Permissions of the plain file that is to be replaced, if there is one."""
    refuse_links(path)
    try:
        found = path.stat().st_mode
    except FileNotFoundError:
        return None
    _refuse_odd(path, found)
    return stat.S_IMODE(found)


def _refuse_odd(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is no plain file; name another one", str(path))


def _new(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN, 0o666)


def _opened(path: Path, flags: int, mode: str, *, writing: bool = False) -> FileIO:
    refuse_links(path)
    file = FileIO(os.open(path, flags | _PLAIN, 0o666), mode)
    try:
        found = os.fstat(file.fileno())
        _refuse_odd(path, found.st_mode)
        if writing and found.st_nlink > 1:
            raise OSError(errno.EMLINK, "is the same file as another one elsewhere (a hard link); copy the folder", str(path))
    except BaseException:
        file.close()
        raise
    return file
