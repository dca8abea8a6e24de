"""`Measured`: the published data of the small network, experiment 1."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import ClassVar

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import HwlearnError


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured (Zenodo 10.5281/zenodo.15692010, MIT licence).

    Attributes:
        periods: (P,) s. spans, errors: (P,) V², as in `Cycles`.
        cycle: (61, 2) V, gates along one limit cycle of `CYCLE_PERIOD`, evenly spaced in time.
        drift: (K, 3): time [s], G−, G+ [V] under task 1 alone, from the start of the motion to the ceiling.
        LINES: published slope and intercept [V] of the solution lines of task 0 and task 1.
    """

    periods: Array
    spans: Array
    errors: Array
    cycle: Array
    drift: Array

    CYCLE_PERIOD: ClassVar[float] = 0.08
    LINES: ClassVar[tuple[tuple[float, float], tuple[float, float]]] = ((2.726, -3.300), (0.439, 1.606))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Measured:
        """Read the files of the folder.

        Raises:
            HwlearnError: a file is missing or does not fit.
        """
        from scipy.io import loadmat

        at = Path(folder)
        try:
            spans = np.loadtxt(at / "measured-DG2-exp1.csv", delimiter=",")
            errors = np.loadtxt(at / "measured-MSE-exp1.csv", delimiter=",")
            cycle = np.loadtxt(at / "bowtie-exp1-0.08s.csv", delimiter=",").T
            found = loadmat(at / "exp1DriftTest_1.mat")
        except (OSError, ValueError) as error:
            raise HwlearnError(f"{at}: {error}") from None
        if (spans[:, 0] != errors[:, 0]).any():
            raise HwlearnError(f"{at}: the periods of the two tables differ")
        drift = np.column_stack([found[name].ravel() for name in ("time", "GMINUS", "GPLUS")])
        moving = (drift[:, 0] > 1.0) & (drift[:, 1] < 4.95)  # the first two samples are before the start
        return cls(spans[:, 0], spans[:, 1], errors[:, 1], cycle, drift[moving])
