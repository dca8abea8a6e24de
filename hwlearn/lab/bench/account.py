"""`Account`: what a bench has spent so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.ledger import Ledger
from hwlearn.network import Network

SPENT = ("energy", "settling", "reading", "programming", "readings", "phases")
"""The numbers of an account, as `Ledger` calls them."""

PENDING = 64
"""Drives whose power is worked out together, and scans of one that are kept until then."""


class Account:
    """Integrates the sources' power from each change of the drives to the next, and counts time and readings.

    The power is Σ g Δv² of the resistors, by the voltages read and the code tables, which is Σ V·I of all sources (Tellegen).
    Sources stay on while devices are written and directions are computed. A reading costs no arithmetic: that is done for
    many at once, before anybody asks.

    Args:
        nodes: (K, N) V of the nodes, from readings of all channels (K, C) V at conductances (E,) S.

    Attributes:
        spent: by the names of `SPENT`, in J and s.
    """

    def __init__(self, network: Network, nodes: Callable[[Array, Array], Array]) -> None:
        self._network, self._nodes = network, nodes
        self._spent = dict.fromkeys(SPENT, 0.0)
        self._drops = np.zeros(len(network.edges))
        self._watts, self._since = 0.0, time.monotonic()
        self._conductances = network.conductances
        self._read: Array | None = None  # the last scans since the drives changed
        self._scans: list[Array] = []  # of earlier drives, whose power is still to be worked out
        self._seconds: list[float] = []  # for which each of these flowed

    @property
    def spent(self) -> dict[str, float]:
        self._book()
        return self._spent

    def changes(self) -> None:
        """The drives are about to change: what they took until now is kept."""
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        if self._read is not None:
            self._scans.append(self._read)
            self._seconds.append(seconds)
            self._read = None
            if len(self._scans) >= PENDING:
                self._book()
        elif self._scans:
            self._seconds[-1] += seconds
        else:
            self._spent["energy"] += self._watts * seconds

    def rests(self) -> None:
        """All sources are at zero from now on."""
        self.changes()
        self._book()
        self._watts = 0.0

    def read(self, scans: Array, conductances: Array, seconds: float) -> None:
        """The drives were read: scans of all channels (R, C) V at conductances (E,) S, which took so long [s]."""
        if conductances is not self._conductances:
            self._book()
            self._conductances = conductances
        self._read = scans if len(scans) <= PENDING else scans.mean(axis=0, keepdims=True)
        spent = self._spent
        spent["readings"] += scans.size
        spent["phases"] += 1
        spent["reading"] += seconds

    def _book(self) -> None:
        """The energy of what was read until now."""
        scans = self._scans if self._read is None else [*self._scans, self._read]
        if not scans:
            return
        counts = np.array([len(one) for one in scans])
        means = np.add.reduceat(np.concatenate(scans), np.cumsum(counts) - counts, axis=0) / counts[:, None]
        voltages = self._nodes(means, self._conductances)
        drops = voltages[:, self._network.tails] - voltages[:, self._network.heads]
        watts = drops**2 @ self._conductances
        self._spent["energy"] += float(watts[: len(self._seconds)] @ self._seconds)
        self._drops, self._watts = drops[-1], float(watts[-1])
        self._scans, self._seconds, self._read = [], [], None

    @contextmanager
    def programmed(self, conductances: Callable[[], Array]) -> Iterator[None]:
        """The devices are written inside, to what they conduct afterwards, (E,) S.

        Until the next reading the drops are those of before: to first order the power of what voltages drive (Dirichlet).
        While they are written it is the mean of both.
        """
        self.changes()
        self._book()
        before = self._watts
        with self.timed("programming"):
            yield
        after = float(conductances() @ self._drops**2) if before else 0.0
        self._watts = 0.5 * (before + after)
        self.changes()
        self._watts = after

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """The time inside counts as settling or programming."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent[what] += time.monotonic() - began

    def ledger(self, writes: Mapping[str, int], worn: Mapping[str, float]) -> Ledger:
        """What was spent until now, with what the devices say."""
        self.changes()
        one = self.spent
        times = one["energy"], one["settling"], one["reading"], one["programming"]
        return Ledger(*times, int(one["readings"]), int(one["phases"]), writes, worn)

    def snapshot(self) -> dict[str, Array]:
        """What was spent, for `restore`."""
        self.changes()
        return {f"spent.{name}": np.array(value) for name, value in self.spent.items()}

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        """Go on from a snapshot; older ones have none."""
        self._spent = self.spent | {name: float(snapshot[key]) for name in SPENT if (key := f"spent.{name}") in snapshot}
