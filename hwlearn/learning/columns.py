"""`Columns`: a CSV file with a header line."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import TaskError
from hwlearn.files import given_text
from hwlearn.text import read_decimal

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""Of "007" the zeros may count: it stays text."""


class Columns:
    """A CSV file, comma separated, UTF-8; lines that start with # are comments. Case of names does not matter.

    Attributes:
        names: of the columns.

    Raises:
        TaskError: names file, line and column.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file = file = Path(path)
        text = given_text(file, TaskError)
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
        if len(lines) < 2:
            raise TaskError(f"{file}: needs a header line and one sample or more")
        self._header, self._lines = lines[0], lines[1:]
        self.names = tuple(name.strip() for name in _cells(file, *self._header))
        _check_commas(file, *self._header)
        self._position = {name.lower(): k for k, name in enumerate(self.names)}
        self._doubled = {name.lower() for k, name in enumerate(self.names) if self._position[name.lower()] != k}

    def _find(self, name: str) -> int:
        where = f"{self._file}:{self._header[0]}"
        if name.lower() not in self._position:
            close = get_close_matches(name.lower(), self._position, n=1)
            hint = f"; did you mean {self.names[self._position[close[0]]]!r}?" if close else ""
            raise TaskError(f"{where}: no column {name!r} (there are {', '.join(self.names)}){hint}")
        if name.lower() in self._doubled:
            raise TaskError(f"{where}: column {name!r} is given twice")
        return self._position[name.lower()]

    def others(self, *names: str) -> tuple[str, ...]:
        """The names of all columns but some."""
        left_out = {self._find(name) for name in names}
        return tuple(name for k, name in enumerate(self.names) if k not in left_out)

    def numbers(self, names: Sequence[str]) -> Array:
        """(S, len(names)) finite numbers."""
        columns = [self._find(name) for name in names]
        values = np.empty((len(self._lines), len(columns)))
        for row, (number, cells) in enumerate(self._rows()):
            for k, column in enumerate(columns):
                try:
                    values[row, k] = read_decimal(cells[column])
                except ValueError:
                    values[row, k] = np.nan
                if not np.isfinite(values[row, k]):
                    said = f"column {self.names[column]!r}: {cells[column]!r} is not a finite number"
                    raise TaskError(f"{self._file}:{number}: {said}")
        return values

    def texts(self, name: str) -> list[str]:
        """The cells of a column, without the blanks around them."""
        column, found = self._find(name), []
        for number, cells in self._rows():
            found.append(cells[column].strip())
            if not found[-1]:
                raise TaskError(f"{self._file}:{number}: column {self.names[column]!r}: empty")
        return found

    def labels(self, name: str) -> list[str] | list[int]:
        """(S,) the cells of a column as labels: text, or whole numbers where all of them are."""
        texts = self.texts(name)
        return [int(text) for text in texts] if all(_WHOLE.fullmatch(text) for text in texts) else texts

    def place(self, sample: int) -> str:
        """Where a sample stands."""
        return f"{self._file}:{self._lines[sample][0]}"

    def _rows(self) -> list[tuple[int, list[str]]]:
        rows = []
        for number, line in self._lines:
            cells = _cells(self._file, number, line)
            if len(cells) != len(self.names):
                raise TaskError(f"{self._file}:{number}: {len(cells)} values for {len(self.names)} columns")
            rows.append((number, cells))
        return rows


def _check_commas(file: Path, number: int, header: str) -> None:
    """Refuse a header line whose columns are separated by something else, as spreadsheets of some languages write it."""
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if mark in header and "," not in header:
            advice = "save it with commas between the columns and points in the numbers (0.5, not 0,5)"
            raise TaskError(f"{file}:{number}: its columns are separated by {word}; {advice}")


def _cells(file: Path, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise TaskError(f"{file}:{number}: no line of a CSV file: {error}") from None
