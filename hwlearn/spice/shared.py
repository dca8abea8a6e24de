"""The shared-library class of the interface, with callbacks that feed a sweep and collect messages.

Importing this module imports PySpice; only `session` does so, when ngspice is first needed.
"""

from __future__ import annotations

import locale
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.errors import SimulationError
from hwlearn.spice.interface import INTERFACE, LIBRARY
from hwlearn.spice.memory import memmove
from hwlearn.spice.private import PrivateLibrary

NgSpiceShared: Any = INTERFACE.base
ffi = INTERFACE.ffi

HISTORY = 200  # command lines, of at most 1000 characters


class Shared(NgSpiceShared):  # type: ignore[misc]
    """One loaded libngspice. All calls must come from one thread.

    Attributes:
        ngspice_version: its number, by its own account; None if it does not tell.
        has_klu: whether it was built with KLU (ngspice 42 and later may be), by its own account.
    """

    _ngspice_shared: Any

    def __init__(self) -> None:
        self.dead = False  # ngspice gave up ("cannot recover"): nothing can be loaded any more
        self._history = 0
        self.points = 0
        self._rows: list[dict[bytes, float]] = []
        self._row: dict[bytes, float] = {}
        super().__init__(send_data=True)
        self.forget()
        self.command("version -f")
        self.has_klu = any("with KLU" in line for line in self._stdout)
        numbers = (re.match(r"\*\* ngspice-(\d+)", line) for line in self._stdout)
        self._number = next((int(number[1]) for number in numbers if number), None)

    @property
    def ngspice_version(self) -> int | None:
        return self._number

    def _load_library(self, verbose: bool) -> None:
        locale.setlocale(locale.LC_NUMERIC, "C")  # ngspice reads and writes numbers by it
        self._library = PrivateLibrary(ffi, LIBRARY)
        self._ngspice_shared = self._library.functions

    def _init_ngspice(self, send_data: bool) -> None:
        with self._library.starting():
            super()._init_ngspice(send_data)

    def close(self) -> None:
        """Give the library back; nothing else may be called afterwards."""
        self._ngspice_shared = None
        self._library.close()

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
