"""`Pots`: the resistors and transistors of a virtual bench, each as it truly is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.imperfect import Tolerance
from hwlearn.lab.virtual.imperfections import Imperfections
from hwlearn.network import Network

LEAK = 1e-12
"""Conductance [S] of an edge that is switched open."""


class Pots:
    """Resistances by code: the table's, but for tolerance and creep, which no code shows.

    Args:
        network: whose edges they are.
        tables: edge → (codes,) Ω by code, its series resistor included.
        series: edge → Ω of its series resistor, which is exact.
        fixed: edge → Ω of a resistor that no channel sets; other edges have the network's conductance.
        random: of the tolerances.

    Attributes:
        conductances: (E,) S, the true ones.
        factors: (E,) what the table's resistances are multiplied with.
    """

    def __init__(
        self,
        network: Network,
        tables: Mapping[str, Array],
        series: Mapping[str, float],
        fixed: Mapping[str, float],
        made: Imperfections,
        random: np.random.Generator,
    ) -> None:
        self.tables, self.series = tables, dict(series)
        self._devices = {device.edge: device for device in network.devices}
        self._index = {name: k for k, name in enumerate(network.edge_names)}
        tolerance = Tolerance(made.pot_tolerance)
        tolerance.begin(network, (network.lower, network.upper), random)
        self.factors = tolerance.factors
        edges = len(network.edges)
        self._creep = made.pot_drift * np.random.default_rng((made.seed, 1)).uniform(-1, 1, edges)
        self._codes: dict[int, int] = {}
        self._stuck: set[str] = set()
        self.conductances = np.array(network.conductances)
        for name, ohm in fixed.items():
            self.conductances[self._index[name]] = 1 / ohm

    def set(self, edge: str, code: int | None) -> None:
        """Set an edge to a code; None switches it open."""
        k = self._index[edge]
        if code is None:
            self.conductances[k] = LEAK
            return
        if self._codes.setdefault(k, code) != code:
            self.factors[k] *= 1 + self._creep[k]
            self._codes[k] = code
        self.conductances[k] = 1 / self.resistances(edge)[code]

    def gate(self, edge: str, volts: float) -> None:
        """Set the gate of a transistor [V]. Below its threshold it only leaks; its tolerance is that of its steepness."""
        k = self._index[edge]
        if edge not in self._stuck:
            self.conductances[k] = max(self._devices[edge].conductance(volts) / self.factors[k], LEAK)

    def resistances(self, edge: str) -> Array:
        """(codes,) Ω that an edge truly has by now, its series resistor included."""
        series = self.series.get(edge, 0.0)
        return series + self.factors[self._index[edge]] * (self.tables[edge] - series)

    def stick(self, edge: str) -> None:
        """From now on the edge keeps its conductance whatever is written."""
        self._stuck.add(edge)

    def release(self, edge: str) -> None:
        """Undo `stick`; the edge follows the next code."""
        self._stuck.discard(edge)

    def is_stuck(self, edge: str) -> bool:
        """Whether it does not follow."""
        return edge in self._stuck
