"""`GateCurve`: what a transistor was measured to conduct at each gate voltage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import StationError
from hwlearn.lab.station.tables import read_rows
from hwlearn.text import read_decimal


class Curve(Protocol):
    """From gate voltage to conductance and back: a measured curve, or the law of an `EdgeDevice`."""

    def conductance(self, setting: float) -> float:
        """g [S] at a gate voltage [V], as with both ends at 0 V."""

    def setting(self, conductance: float) -> float:
        """The gate voltage [V] for g [S]."""


@dataclass(frozen=True, eq=False)
class GateCurve:
    """Straight lines between measured points; the outermost beyond them.

    Attributes:
        volts: (P,) ascending. siemens: (P,) positive, ascending.
    """

    volts: Array
    siemens: Array

    def conductance(self, setting: float) -> float:
        return float(np.interp(setting, self.volts, self.siemens))

    def setting(self, conductance: float) -> float:
        return float(np.interp(conductance, self.siemens, self.volts))

    @classmethod
    def from_csv(cls, path: Path) -> Self:
        """A header line, then volt,siemens, both rising from line to line.

        Raises:
            StationError: names the file and the line.
        """
        points: list[tuple[float, float]] = []
        for number, row in read_rows(path, ("volt", "siemens")):
            try:
                point = (read_decimal(row[0]), read_decimal(row[1]))
            except ValueError:
                raise StationError(f"{path}:{number}: {','.join(row)!r} is no voltage and conductance") from None
            if not point[1] > 0 or (points and not (point[0] > points[-1][0] and point[1] > points[-1][1])):
                raise StationError(f"{path}:{number}: voltage and conductance must rise from line to line, from above 0 S")
            points.append(point)
        if len(points) < 2:
            raise StationError(f"{path}: one point is no curve; measure two or more")
        volts, siemens = np.array(points).T
        return cls(volts, siemens)
