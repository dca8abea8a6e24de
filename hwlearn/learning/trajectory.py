"""`Trajectory`: the conductances along a training, thinned so that its size is bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.learning.arguments import check_count

ROWS = 1000
"""Points of a trajectory that are kept, at most, if no other number is asked for; and the last one."""

BYTES = 64_000_000
"""Size up to which so many are kept; fewer of larger circuits, but at least two."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The states of a circuit along a training: every 2^m-th step and the last one, m as small as the number of points allows.

    Attributes:
        at: (K,) steps done, or times of a flow.
        conductances: (K, E) S, as the circuit realised them.
        codes: (K, E) of devices that have them, −1 at others; None of circuits without.
        outputs: (K, S, n_out) V that free phases with open ports read of all samples; NaN where one did not, None if none did.
    """

    at: Array
    conductances: Array
    codes: NDArray[np.intp] | None = None
    outputs: Array | None = None

    def __repr__(self) -> str:
        between = f" from {self.at[0]:.4g} to {self.at[-1]:.4g}" if len(self.at) else ""
        return f"<Trajectory of {self.conductances.shape[1]} edges: {len(self.at)} points{between}>"


def most_points(rows: int, size: int) -> int:
    """How many points of `size` bytes are kept where `rows` are asked for."""
    check_count("trajectory", rows, 0)
    return rows if rows == 0 else max(2, min(rows, BYTES // max(size, 1)))


def stride(count: int, most: int) -> int:
    """The smallest power of two of which there are at most `most` multiples in 0 … count − 1."""
    found = 1
    while (count - 1) // found + 1 > most:
        found *= 2
    return found


def thinned(count: int, most: int) -> NDArray[np.intp]:
    """Which of points 0 … count − 1 are kept: the multiples of `stride`, and the last one."""
    if not most or not count:
        return np.zeros(0, dtype=np.intp)
    kept = np.arange(0, count, stride(count, most))
    return kept if kept[-1] == count - 1 else np.r_[kept, count - 1]


class Tracker:
    """Keeps the trajectory of a training in steps while it goes on.

    Args:
        rows: see `ROWS`. first: the first step. edges: E.

    Attributes:
        due: the next step that is to be kept.
    """

    def __init__(self, rows: int, first: int, edges: int) -> None:
        self._most, self._first, self._edges, self._stride = most_points(rows, 8 * edges), first, edges, 1
        self._rows = list[tuple[float, Array]]()
        self.due = float(first) if rows else float("inf")

    def add(self, step: int, conductances: Array) -> None:
        """Keep the conductances (E,) [S] of the step that is due."""
        self._rows.append((step, conductances.copy()))
        if len(self._rows) > self._most:
            self._rows, self._stride = self._rows[::2], 2 * self._stride
        self.due = self._first + self._stride * len(self._rows)

    def end(self, step: int, conductances: Array) -> Trajectory:
        """The trajectory: all points that were kept, and the last one."""
        rows = self._rows
        if rows and rows[-1][0] < step:
            rows = [*rows, (step, conductances.copy())]
        at = np.array([row[0] for row in rows], dtype=np.float64)
        return Trajectory(at, np.array([row[1] for row in rows]).reshape(len(rows), self._edges))
