"""`Devices`: the resistors of a bench, from conductances to codes to boxes."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import StationError
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.rounding import Rounding
from hwlearn.lab.instruments.roles import ResistorBox
from hwlearn.lab.station import CodeTable, Station
from hwlearn.network import Network


class Devices:
    """Codes of the edges, and the boxes that realise them.

    Attributes:
        codes: (E,) that are wanted; −1 at fixed resistors.
        writes: (E,) how often each edge's code was changed.
        written: (E,) codes that the boxes have, None before the first.
        boxes: what each sets: (2, k), its channels and their edges.

    Raises:
        StationError: the circuit wants to train a fixed resistor, or no code lies within an edge's bounds.
    """

    def __init__(self, network: Network, station: Station) -> None:
        self._network, self._station = network, station
        self._tables = [self._table(k) for k in range(len(network.edges))]
        ohms = [station.settings.edge[name].fixed_ohm or math.nan for name in network.edge_names]
        self._fixed = 1 / np.array(ohms, dtype=np.float64)
        program = station.settings.program
        self._rounding = Rounding(self._tables, program.rounding, program.dead_band, program.seed)
        self.codes = self._rounding.codes(network.conductances)
        self.writes = np.zeros(len(network.edges), dtype=np.intp)
        self.written: NDArray[np.intp] | None = None
        self.boxes: dict[ResistorBox, NDArray[np.intp]] = {}
        self._connection: Connection | None = None

    def _table(self, edge: int) -> CodeTable | None:
        """The code table of an edge, within the bounds of a trainable one; None for a fixed resistor."""
        network, name, path = self._network, self._network.edge_names[edge], self._station.path
        table = self._station.tables.get(name)
        if table is None:
            if network.trainable[edge]:
                raise StationError(
                    f"{path}: edge.{name} is a fixed resistor, and the circuit wants to train it; leave it out of [circuit] "
                    "trainable"
                )
            return None
        if not network.trainable[edge]:
            return table
        try:
            return table.within(float(network.lower[edge]), float(network.upper[edge]))
        except StationError as error:
            raise StationError(f"{path}: edge.{name}: {error}") from None

    def find(self, connection: Connection) -> None:
        """The boxes behind the wiring."""
        self._connection = connection
        boxes: dict[ResistorBox, list[tuple[int, int]]] = defaultdict(list)
        for k, name in enumerate(self._network.edge_names):
            place = self._station.settings.edge[name].set
            if place is not None:
                box, channel = connection.get(place, ResistorBox)
                boxes[box].append((int(channel), k))
        self.boxes = {box: np.array(places).T for box, places in boxes.items()}

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: the outermost codes within the network's bounds."""
        lower, upper = self._fixed.copy(), self._fixed.copy()
        for k, table in enumerate(self._tables):
            if table is not None:
                lower[k], upper[k] = table.bounds
        return lower, upper

    @property
    def conductances(self) -> Array:
        """(E,) S of the codes, by the tables."""
        realised = self._fixed.copy()
        for k, (table, code) in enumerate(zip(self._tables, self.codes.tolist(), strict=True)):
            if table is not None:
                realised[k] = table.conductances[code]
        return realised

    def choose(self, wanted: Array) -> None:
        """Codes for wanted conductances (E,) [S]."""
        self.codes = self._rounding.codes(wanted)

    def write(self, *, again: bool = False) -> None:
        """Write the codes, if any has changed; the box reads back what it took. Before the first, no source is on."""
        if self.written is None and self._connection is not None:
            self._connection.begin()
        codes = self.codes
        if not again and self.written is not None and np.array_equal(codes, self.written):
            return
        for box, (channels, edges) in self.boxes.items():
            count, _ = box.size()
            values = box.state()[0] if len(edges) < count else np.zeros(count, dtype=np.intp)
            values[channels] = codes[edges]
            box.write(values.tolist())
        self.writes += (codes != self.written) & (codes >= 0)
        self.written = codes

    def watch(self) -> None:
        """Set the boxes' watchdogs, as the station says; off, too, for somebody else may have left one on."""
        for box in self.boxes:
            box.watchdog(self._station.settings.instrument[box.name].watchdog_s)

    def remind(self, heard: float) -> float:
        """Let the boxes hear from us where a third of the shortest watchdog has passed since they did; when they last did."""
        table = self._station.settings.instrument
        shortest = min((table[box.name].watchdog_s or math.inf for box in self.boxes), default=math.inf)
        if time.monotonic() - heard < shortest / 3:
            return heard
        for box in self.boxes:
            box.present()
        return time.monotonic()

    def snapshot(self) -> dict[str, Array]:
        """What the next codes depend on, and the writes, by name."""
        return {"writes": self.writes.astype(np.float64), **self._rounding.snapshot()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot."""
        memory = dict(snapshot)
        self.writes = memory.pop("writes").astype(np.intp)
        self._rounding.restore(memory)
