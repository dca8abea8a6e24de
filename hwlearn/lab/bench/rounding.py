"""From wanted conductances to codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.lab.station import CodeTable


class Rounding:
    """The codes of all edges, remembered: a dead band needs to know what is set.

    Args:
        tables: code table of each edge; None where a resistor is fixed.
        rounding: "nearest", "dead band" or "stochastic"; see `hwlearn.lab.station.settings.Program`.
        dead_band: in steps between neighbouring codes: how far beyond the middle a value must be to change a code; when
            stochastic, how far it must move to be drawn again.
        seed: of the stochastic rounding.
    """

    def __init__(self, tables: Sequence[CodeTable | None], rounding: str, dead_band: float, seed: int) -> None:
        self._tables, self._kind, self._dead_band = tables, rounding, dead_band
        self._seed, self._drawn_numbers = seed, 0
        self._random = np.random.default_rng(seed)
        self._codes: NDArray[np.intp] | None = None
        self._drawn_at = np.full(len(tables), np.inf)
        self._threshold = np.zeros(len(tables))

    def codes(self, wanted: Array) -> NDArray[np.intp]:
        """(E,) codes for wanted conductances (E,) [S]; −1 at fixed resistors."""
        codes = np.full(len(wanted), -1, dtype=np.intp)
        for k, (table, g) in enumerate(zip(self._tables, wanted.tolist(), strict=True)):
            if table is not None:
                if self._kind == "stochastic":
                    codes[k] = self._drawn(k, table, g)
                else:
                    codes[k] = self._code(table, g, None if self._codes is None else int(self._codes[k]))
        self._codes = codes
        return codes

    def snapshot(self) -> dict[str, Array]:
        """What the next codes depend on, by name."""
        codes = np.zeros(0) if self._codes is None else self._codes.astype(np.float64)
        drawn = np.array(float(self._drawn_numbers))
        return {"codes": codes, "drawn": drawn, "drawn_at": self._drawn_at.copy(), "threshold": self._threshold.copy()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot."""
        self._codes = snapshot["codes"].astype(np.intp) if len(snapshot["codes"]) else None
        self._drawn_at, self._threshold = snapshot["drawn_at"].copy(), snapshot["threshold"].copy()
        self._drawn_numbers = int(snapshot["drawn"])
        self._random = np.random.default_rng(self._seed)
        self._random.random(self._drawn_numbers)

    def _code(self, table: CodeTable, g: float, before: int | None) -> int:
        nearest = table.nearest(g)
        if self._kind == "nearest" or before is None or nearest == before:
            return nearest
        held = float(table.conductances[before])
        lower, upper = table.neighbours(held + (1e-9 * held if g > held else -1e-9 * held))
        step = float(table.conductances[upper] - table.conductances[lower])
        return before if abs(g - held) <= (0.5 + self._dead_band) * step else nearest

    def _drawn(self, edge: int, table: CodeTable, g: float) -> int:
        """The upper neighbour with the probability that keeps the mean. A value that stays keeps its code: where learning has
        come to rest, so do the codes."""
        lower, upper = table.neighbours(g)
        low, high = float(table.conductances[lower]), float(table.conductances[upper])
        if abs(g - self._drawn_at[edge]) > self._dead_band * (high - low):
            self._drawn_at[edge], self._threshold[edge] = g, self._random.random()
            self._drawn_numbers += 1
        return upper if g - low > self._threshold[edge] * (high - low) else lower
