"""`Devices`: the edges of a bench, from conductances to codes to boxes, and to the gates of transistors."""

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
from hwlearn.lab.instruments.roles import ResistorBox, Source
from hwlearn.lab.station import CodeTable, Station
from hwlearn.network import Network


class Devices:
    """Codes of the edges, and the boxes that realise them; gate voltages, and the sources that make them.

    Attributes:
        codes: (E,) that are wanted; −1 at fixed resistors and transistors.
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
        self._curves = station.curves(network)
        self._volts = {k: self._gate(k, float(network.conductances[k])) for k in self._curves}
        self._shortest = math.inf  # watchdog of the boxes [s]
        self._gates_set: dict[int, float] | None = None
        self._gates: dict[Source, dict[str, int]] = {}
        self._connection: Connection | None = None
        self._conductances: Array | None = None  # of the codes and gate voltages now, once somebody has asked

    def _table(self, edge: int) -> CodeTable | None:
        """The code table of an edge, within the bounds of a trainable one; None for a fixed resistor."""
        network, name, path = self._network, self._network.edge_names[edge], self._station.path
        table = self._station.tables.get(name)
        if table is None:
            if network.trainable[edge] and self._station.settings.edge[name].gate is None:
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

    def _gate(self, edge: int, conductance: float) -> float:
        """The gate voltage [V] for a conductance [S], within what its table allows."""
        gate = self._station.settings.edge[self._network.edge_names[edge]].gate
        assert gate is not None
        return min(max(self._curves[edge].setting(conductance), 0.0), gate.v_max)

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
        table = self._station.settings.instrument
        self._shortest = min((table[box.name].watchdog_s or math.inf for box in self.boxes), default=math.inf)
        for k in self._curves:
            gate = self._station.settings.edge[self._network.edge_names[k]].gate
            assert gate is not None
            source, channel = connection.get(gate.drive, Source)
            self._gates.setdefault(source, {})[channel] = k

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: the outermost codes and gate voltages within the network's bounds."""
        lower, upper, network = self._fixed.copy(), self._fixed.copy(), self._network
        for k, curve in self._curves.items():
            lower[k], upper[k] = (curve.conductance(self._gate(k, float(g[k]))) for g in (network.lower, network.upper))
        for k, table in enumerate(self._tables):
            if table is not None:
                lower[k], upper[k] = table.bounds
        return lower, upper

    @property
    def conductances(self) -> Array:
        """(E,) S of the codes, by the tables, and of the gate voltages; read-only, and the same array until they change."""
        if self._conductances is None:
            realised = self._fixed.copy()
            for k, volts in self._volts.items():
                realised[k] = self._curves[k].conductance(volts)
            for k, (table, code) in enumerate(zip(self._tables, self.codes.tolist(), strict=True)):
                if table is not None:
                    realised[k] = table.conductances[code]
            realised.setflags(write=False)
            self._conductances = realised
        return self._conductances

    def choose(self, wanted: Array) -> None:
        """Codes and gate voltages for wanted conductances (E,) [S]."""
        self.codes = self._rounding.codes(wanted)
        self._volts = {k: self._gate(k, float(wanted[k])) for k in self._curves}
        self._conductances = None

    def write(self, *, again: bool = False) -> None:
        """Write codes and gate voltages, if any has changed. A box reads back what it took, and a gate is at what its source
        says that it makes. Before the first, no source is on."""
        if self.written is None and self._connection is not None:
            self._connection.begin()
        if again or self._volts != self._gates_set:
            self._conductances = None
            for source, channels in self._gates.items():
                made = source.set({channel: self._volts[k] for channel, k in channels.items()})
                self._volts |= {k: made[channel] for channel, k in channels.items()}
            self._gates_set = dict(self._volts)
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
        if time.monotonic() - heard < self._shortest / 3:
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
