"""PySpice's shared-library class, with callbacks that feed a sweep and collect messages.

Importing this module imports PySpice; only `session` does so, when ngspice is first needed.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _cffi_backend import memmove  # what `ffi.memmove` calls, without the Python around it
from cffi import CDefError
from numpy.typing import NDArray

from hwlearn.errors import SimulationError
from hwlearn.spice.library import find_library

os.environ.setdefault("NGSPICE_LIBRARY_PATH", find_library())
# PySpice warns of every ngspice newer than itself; without a handler Python would print that on stderr.
logging.getLogger("PySpice").addHandler(logging.NullHandler())

from PySpice.Spice.NgSpice import Shared as pyspice  # noqa: E402

ffi = pyspice.ffi
HISTORY = 200  # command lines, of at most 1000 characters


class Shared(pyspice.NgSpiceShared):  # type: ignore[misc]
    """One loaded libngspice. All calls must come from one thread.

    Attributes:
        has_klu: whether it was built with KLU (ngspice 42 and later may be), by its own account.
    """

    def __init__(self) -> None:
        self.dead = False  # ngspice gave up ("cannot recover"): nothing can be loaded any more
        self._history = 0
        self.points = 0
        self._rows: list[dict[bytes, float]] = []
        self._row: dict[bytes, float] = {}
        # ngspice runs a .spiceinit of the working directory, else of the home: start it where there is an empty one.
        before = Path.cwd()
        with tempfile.TemporaryDirectory(prefix="hwlearn-") as empty:
            (Path(empty) / ".spiceinit").touch()
            os.chdir(empty)
            try:
                super().__init__(send_data=True)
            finally:
                os.chdir(before)
        self.forget()
        self.command("version -f")
        self.has_klu = any("with KLU" in line for line in self._stdout)

    def _load_library(self, verbose: bool) -> None:
        try:
            ffi.typeof("pvector_info")
        except CDefError:
            super()._load_library(verbose)
            return
        path = self.library_path
        # The library was opened in this process before (by PySpice's user, before a fork, or it gave up): a copy of the file
        # has globals of its own, so it is a fresh ngspice.
        handle, copy = tempfile.mkstemp(suffix=Path(path).suffix)
        os.close(handle)
        shutil.copyfile(_loaded_file(path), copy)
        self._ngspice_shared = ffi.dlopen(copy)
        if os.name == "posix":
            os.unlink(copy)

    def _send_char(self, message: Any, ngspice_id: int, user_data: Any) -> int:
        stream, _, content = ffi.string(message).decode("utf-8", "replace").partition(" ")
        (self._stderr if stream == "stderr" else self._stdout).append(content)
        return 0

    @staticmethod
    def _send_stat(message: Any, ngspice_id: int, user_data: Any) -> int:
        return 0

    @staticmethod
    def _exit(status: int, immediate: bool, quit_exit: bool, ngspice_id: int, user_data: Any) -> int:
        ffi.from_handle(user_data).dead = True
        return status

    @staticmethod
    def _send_init_data(data: Any, ngspice_id: int, user_data: Any) -> int:
        return 0

    def _send_data(self, data: Any, number: int, ngspice_id: int, user_data: Any) -> int:
        self.points += 1
        if self.points < len(self._rows):
            self._row = self._rows[self.points]
        return 0

    def _get_vsrc_data(self, value: Any, time: float, name: Any, ngspice_id: int, user_data: Any) -> int:
        value[0] = self._row[ffi.string(name)]
        return 0

    _get_isrc_data = _get_vsrc_data

    # The calls that hwlearn makes

    @property
    def messages(self) -> tuple[list[str], list[str]]:
        """(stdout, stderr) lines since the last `forget`."""
        return self._stdout, self._stderr

    def forget(self) -> None:
        """Drop collected lines, and now and then ngspice's own command history, which would grow for ever."""
        self._stdout.clear()
        self._stderr.clear()
        if self._history > HISTORY:
            self._ngspice_shared.ngSpice_Command(ffi.NULL)
            self._history = 0

    def command(self, text: str) -> None:
        """Run one command line, no longer than `commands.MAX_LINE`."""
        self._history += 1
        if self._ngspice_shared.ngSpice_Command(text.encode()) or self.dead:
            raise SimulationError(f"ngspice refused {text[:80]!r}: {' | '.join(self._stderr[-3:])}")

    def circuit(self, lines: Sequence[str]) -> None:
        """Load a deck; the first line is its title. Errors reach only the messages."""
        keep = [ffi.new("char[]", line.encode()) for line in (*lines, "") if line or line is lines[-1]]
        self._ngspice_shared.ngSpice_Circ(ffi.new("char *[]", [*keep, ffi.NULL]))

    def feed(self, names: Sequence[bytes], rows: Iterable[Sequence[float]]) -> None:
        """What the external sources shall deliver at the next accepted points, a row each; restarts the count."""
        self._rows = [dict(zip(names, row, strict=True)) for row in rows]
        self._row = self._rows[0]
        self.points = 0

    def vectors(self, names: Sequence[bytes], points: int) -> NDArray[np.float64]:
        """(names, points): copy of the last `points` values of vectors of the current plot.

        Raises:
            SimulationError: there is no such vector, or it is shorter.
        """
        values = np.empty(len(names) * points)
        flat, at, size = values.data, 0, 8 * points
        find = self._ngspice_shared.ngGet_Vec_Info
        for name in names:
            info = find(name)
            length, data = (info.v_length, info.v_realdata) if info else (0, None)
            if length < points or not data:
                raise SimulationError(f"ngspice has no result {name.decode()!r} of {points} points (it has {length})")
            if points == 1:
                flat[at] = data[length - 1]
            else:
                memmove(flat[at : at + points], data[length - points : length], size)
            at += points
        return values.reshape(len(names), points)


def _loaded_file(name: str) -> str:
    """The file behind a library name such as `libngspice.so.0`."""
    if Path(name).exists():
        return name
    maps = Path("/proc/self/maps")
    if maps.exists():
        for line in maps.read_text().splitlines():
            if Path(name).name in line:
                return line.split(maxsplit=5)[-1]
    raise SimulationError(f"ngspice gave up and {name} cannot be loaded again: restart Python")
