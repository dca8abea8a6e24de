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


class Account:
    """Integrates the sources' power from each change of the drives to the next, and counts time and readings.

    The power is Σ g Δv² of the resistors, by the voltages read and the code tables, which is Σ V·I of all sources (Tellegen).
    Sources stay on while devices are written and directions are computed.

    Attributes:
        spent: by the names of `SPENT`, in J and s.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.spent = dict.fromkeys(SPENT, 0.0)
        self._drops = np.zeros(len(network.edges))
        self._watts, self._since = 0.0, time.monotonic()

    def changes(self) -> None:
        """The drives are about to change: what they took until now is booked."""
        now = time.monotonic()
        self.spent["energy"] += self._watts * (now - self._since)
        self._since = now

    def rests(self) -> None:
        """All sources are at zero from now on."""
        self.changes()
        self._watts = 0.0

    def read(self, voltages: Array, conductances: Array, count: int) -> None:
        """A sample was read: node voltages (N,) V at conductances (E,) S, from so many readings."""
        self._drops = voltages[self._network.tails] - voltages[self._network.heads]
        self._watts = float(conductances @ self._drops**2)
        self.spent["readings"] += count
        self.spent["phases"] += 1

    @contextmanager
    def programmed(self, conductances: Callable[[], Array]) -> Iterator[None]:
        """The devices are written inside, to what they conduct afterwards, (E,) S.

        Until the next reading the drops are those of before: to first order the power of what voltages drive (Dirichlet).
        While they are written it is the mean of both.
        """
        self.changes()
        before = self._watts
        with self.timed("programming"):
            yield
        after = float(conductances() @ self._drops**2) if before else 0.0
        self._watts = 0.5 * (before + after)
        self.changes()
        self._watts = after

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """The time inside counts as settling, reading or programming."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent[what] += time.monotonic() - began

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
        self.spent |= {name: float(snapshot[key]) for name in SPENT if (key := f"spent.{name}") in snapshot}
