"""A libngspice that nobody else in the process has.

ngspice keeps its circuits in globals, and a file that is opened twice is one library. A user's PySpice opens the installed
file. hwlearn opens copies of it: at first, after a fork, and when ngspice gave up, for nothing else makes it fresh.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hwlearn.errors import LibraryNotFoundError

_PREFIX = "hwlearn-ngspice-"
_MAPS = Path("/proc/self/maps")

_NEVER_THERE = {b".spiceinit": b"/dev/0init", b"spice.rc": b"/dev/.rc"}
"""Names of files in the working directory and the home that ngspice would run when it starts, and what to look for instead.

Ends stay: linkers store a text that ends another one inside it, such as "rc", the collector's resistance, in "spice.rc".
"""

_SONAME = (b"libngspice.so", b"libhwlearn.so")
"""Whoever asks the loader for libngspice.so.0 must not be given the copy."""


class PrivateLibrary:
    """A copy of the library file, opened.

    Attributes:
        functions: what cffi makes of it.

    Raises:
        LibraryNotFoundError: the file cannot be found, copied or opened; says what to do.
    """

    def __init__(self, ffi: Any, name: str) -> None:
        self._ffi = ffi
        content = _content(_file(ffi, name))
        self._starts_quietly = content.startswith(b"\x7fELF")
        if self._starts_quietly:
            for old, new in (*_NEVER_THERE.items(), _SONAME):
                _replace(content, old, new)
        self._descriptor, self._copy = -1, ""
        self.functions: Any = None
        try:
            if not self._open_in_memory(content):
                self._open_in_a_file(content, Path(name).suffix)
        except OSError as error:
            self._tidy()
            raise LibraryNotFoundError(
                f"a copy of {name} cannot be made or opened ({error}): set TMPDIR to a folder from which programs may be run "
                f"and which has {-(-len(content) >> 20)} MB free"
            ) from None

    def _open_in_memory(self, content: bytearray) -> bool:
        """True if that is possible: it needs no folder.

        The descriptor stays open, for the loader knows a library by its name, which holds the number.
        """
        if not hasattr(os, "memfd_create"):
            return False
        try:
            self._descriptor = os.memfd_create("ngspice", os.MFD_CLOEXEC)
            _write(self._descriptor, content)
            self.functions = self._ffi.dlopen(f"/proc/{os.getpid()}/fd/{self._descriptor}")
        except OSError:  # forbidden here
            self._tidy()
            return False
        return True

    def _open_in_a_file(self, content: bytearray, suffix: str) -> None:
        descriptor, self._copy = tempfile.mkstemp(suffix, _PREFIX)
        try:
            _write(descriptor, content)
        finally:
            os.close(descriptor)
        self.functions = self._ffi.dlopen(self._copy)
        self._tidy_file()  # Windows keeps it while it is open

    def close(self) -> None:
        """Give the memory back. Nothing of the library may be called or running."""
        if self.functions is not None:
            self._ffi.dlclose(self.functions)
        self._tidy()

    def _tidy(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._tidy_file()

    def _tidy_file(self) -> None:
        with suppress(OSError):
            if self._copy:
                os.unlink(self._copy)
                self._copy = ""

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Inside, ngspice may be started: it runs nobody's start-up file.

        Where the copy cannot be told so (macOS, Windows), the working directory of the whole process is an empty folder
        inside: for some milliseconds, other threads must not use relative paths.
        """
        if self._starts_quietly:
            yield
            return
        before = Path.cwd()
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as empty:
            (Path(empty) / ".spiceinit").touch()
            os.chdir(empty)
            try:
                yield
            finally:
                os.chdir(before)


def _content(path: Path) -> bytearray:
    try:
        content = bytearray(path.stat().st_size)
        with path.open("rb") as file:
            file.readinto(content)
    except OSError as error:
        raise LibraryNotFoundError(f"{path} cannot be read: {error.strerror}") from None
    return content


def _replace(content: bytearray, old: bytes, new: bytes) -> None:
    assert len(old) == len(new)
    at = content.find(old)
    while at >= 0:
        content[at : at + len(new)] = new
        at = content.find(old, at + len(new))


def _write(descriptor: int, content: bytearray) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _file(ffi: Any, name: str) -> Path:
    """The file behind a library name such as `libngspice.so.0`, which only the loader finds."""
    if Path(name).is_file():
        return Path(name)
    try:
        library = ffi.dlopen(name)
        loaded = _MAPS.read_text().splitlines()
        ffi.dlclose(library)
    except OSError as error:
        raise LibraryNotFoundError(f"{name} cannot be opened ({error}): set NGSPICE_LIBRARY_PATH to its whole path") from None
    for line in loaded:
        if Path(name).name in line:
            return Path(line.split(maxsplit=5)[-1])
    raise LibraryNotFoundError(f"{name} cannot be found: set NGSPICE_LIBRARY_PATH to its whole path")
