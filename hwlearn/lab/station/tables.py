"""`CodeTable`: which conductances an edge's codes realise."""

from __future__ import annotations

import csv
import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import StationError
from hwlearn.files import given_text
from hwlearn.text import read_decimal

LARGEST_CODE = 2**16 - 1
"""Of any device: 16 bits."""


class _CodeError(StationError):
    """What is wrong at one code."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, eq=False)
class CodeTable:
    """Resistance by code of one edge, its series resistor included.

    Attributes:
        resistances: (codes,) Ω, index is the code; strictly monotone between `min_code` and `max_code`.
        min_code, max_code: the codes that may be used, both included.

    Raises:
        StationError: not positive, not strictly monotone, or no code to use.
    """

    resistances: Array
    min_code: int
    max_code: int

    def __post_init__(self) -> None:
        if not 0 <= self.min_code <= self.max_code < len(self.resistances):
            raise StationError(
                f"codes {self.min_code} … {self.max_code} of a table of {len(self.resistances)}: need 0 ≤ min_code ≤ max_code"
            )
        usable = self.resistances[self.min_code : self.max_code + 1]
        if not (np.isfinite(usable).all() and (usable > 0).all()):
            code = self.min_code + int(np.flatnonzero(~(np.isfinite(usable) & (usable > 0)))[0])
            advice = "measure it again" if math.isnan(self.resistances[code]) else "add series_ohm"
            raise _CodeError(f"code {code} is {self.resistances[code]:g} Ω; leave it out by min_code or {advice}", code)
        steps = np.diff(usable)
        if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
            rising = np.sign(usable[-1] - usable[0]) or 1.0
            wrong = int(np.flatnonzero(np.sign(steps) != rising)[0])
            code = self.min_code + wrong
            raise _CodeError(
                f"not monotone: code {code} is {usable[wrong]:g} Ω, code {code + 1} is {usable[wrong + 1]:g} Ω; "
                "measure them again",
                code + 1,
            )

    @cached_property
    def conductances(self) -> Array:
        """(codes,) S, index is the code."""
        with np.errstate(divide="ignore"):
            return 1 / self.resistances

    @cached_property
    def _ascending(self) -> tuple[Array, NDArray[np.intp]]:
        codes = np.arange(self.min_code, self.max_code + 1)
        order = np.argsort(self.conductances[codes])
        return self.conductances[codes][order], codes[order]

    @cached_property
    def _values(self) -> list[float]:
        return self._ascending[0].tolist()

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest conductance [S] of the usable codes."""
        values = self._ascending[0]
        return float(values[0]), float(values[-1])

    def nearest(self, conductance: float) -> int:
        """The usable code whose conductance is nearest to `conductance` [S]."""
        lower, upper = self.neighbours(conductance)
        nearer = abs(self.conductances[lower] - conductance) <= abs(self.conductances[upper] - conductance)
        return lower if nearer else upper

    def neighbours(self, conductance: float) -> tuple[int, int]:
        """The codes with the next smaller and the next larger conductance [S]; the same one twice at an end or a hit."""
        values, codes = self._values, self._ascending[1]
        at = bisect_left(values, conductance)
        below, above = max(at - 1, 0), min(at, len(values) - 1)
        if values[above] == conductance:
            below = above
        return int(codes[below]), int(codes[above])

    def within(self, lower: float, upper: float) -> CodeTable:
        """The table with only the codes whose conductance is between the bounds [S].

        Raises:
            StationError: there are none.
        """
        values, codes = self._ascending
        kept = codes[(values >= lower) & (values <= upper)]
        if not len(kept):
            raise StationError(
                f"no code between {lower:.4g} and {upper:.4g} S: the table reaches from {values[0]:.4g} to "
                f"{values[-1]:.4g} S; change the bounds of the circuit, or the table"
            )
        return CodeTable(self.resistances, int(kept.min()), int(kept.max()))

    @classmethod
    def linear(
        cls,
        bits: int,
        full_scale_ohm: float,
        wiper_ohm: float = 0.0,
        series_ohm: float = 0.0,
        min_code: int = 0,
        max_code: int | None = None,
    ) -> Self:
        """A digipot as its data sheet describes it: wiper + full scale · code / (2^bits − 1) [Ω]."""
        top = 2**bits - 1
        resistances = series_ohm + wiper_ohm + full_scale_ohm * np.arange(top + 1) / top
        return cls(resistances, min_code, top if max_code is None else max_code)

    @classmethod
    def from_csv(cls, path: Path, series_ohm: float = 0.0, min_code: int = 0, max_code: int | None = None) -> Self:
        """A measured table: a header line, then code,ohm with every code from the first to the last.

        Raises:
            StationError: names the file and the line.
        """
        codes: dict[int, float] = {}
        lines: dict[int, int] = {}
        for number, row in read_rows(path, ("code", "ohm")):
            try:
                code, ohm = _code(row[0]), read_decimal(row[1])
            except ValueError:
                raise StationError(f"{path}:{number}: {','.join(row)!r} is no code and resistance") from None
            if code > LARGEST_CODE:
                raise StationError(f"{path}:{number}: code {code} is beyond {LARGEST_CODE}")
            if code in codes or code < 0:
                raise StationError(f"{path}:{number}: code {code} is {'given twice' if code in codes else 'negative'}")
            codes[code], lines[code] = ohm, number
        first, last = min(codes), max(codes)
        for code in range(first, last + 1):
            if code not in codes:
                where = f"{path}:{lines[code - 1]}"
                raise StationError(f"{where}: code {code} is missing after {code - 1}; measure all from {first} to {last}")
        resistances = np.full(last + 1, np.nan)
        resistances[list(codes)] = list(codes.values())
        try:
            return cls(resistances + series_ohm, max(min_code, first), last if max_code is None else max_code)
        except _CodeError as error:
            raise StationError(f"{path}:{lines[error.code]}: {error}") from None
        except StationError as error:
            raise StationError(f"{path}: {error}") from None


def _code(text: str) -> int:
    read_decimal(text)
    return int(text)


def read_rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """(line, cells) of a CSV file with exactly these columns; lines that start with # are comments.

    Raises:
        StationError: names the file and the line.
    """
    text = given_text(path, StationError)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    try:
        cells = list(csv.reader(line for _, line in lines))
    except csv.Error as error:
        raise StationError(f"{path}: no CSV file: {error}") from None
    if len(cells) < len(lines):
        raise StationError(f"{path}:{lines[len(cells) - 1][0]}: a quotation mark without a partner")
    rows = [(number, [cell.strip() for cell in row]) for (number, _), row in zip(lines, cells, strict=True)]
    if not rows or tuple(rows[0][1]) != columns or len(rows) < 2:
        raise StationError(f"{path}: needs the header line {','.join(columns)} and a line or more below it")
    for number, row in rows[1:]:
        if len(row) != len(columns):
            raise StationError(f"{path}:{number}: {len(row)} values for {len(columns)} columns")
    return rows[1:]
