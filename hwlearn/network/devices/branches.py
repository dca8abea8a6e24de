"""`Branches`: those of one law in a network, with the positions of their nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hwlearn.arrays import Array
from hwlearn.network.devices.device import Device
from hwlearn.network.devices.law import Branch, Law
from hwlearn.text import GROUND

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Placed(NamedTuple):
    """A device of a network: the nodes of its terminals, then of its inner ones; the position of its edge, −1 for none."""

    device: Device
    nodes: tuple[str, ...]
    edge: int

    @property
    def at(self) -> dict[str, str]:
        """Nodes by terminals, ground among them."""
        return {GROUND: GROUND, **dict(zip((*self.device.terminals, *self.device.inner), self.nodes, strict=True))}


class Branches:
    """The D branches of one law, of any devices.

    Args:
        chosen: each with the device that it is of.
        index: position of each node's name; ground may lack.

    Attributes:
        law: theirs, for all of them at once.
        owners: (D,) positions of the edges that the devices are; −1 for elements.
        edges: (D,) positions of the edges that the branches are; −1 for further branches.
        local: whether each current depends on the voltages of its own ends alone.
        reciprocal: whether it depends on their difference alone.
    """

    def __init__(self, chosen: Sequence[tuple[Placed, Branch]], index: Mapping[str, int]) -> None:
        kind = chosen[0][1].law
        columns = zip(*([getattr(place.device, name) for name in branch.numbers] for place, branch in chosen), strict=True)
        self.law: Law = kind(*(np.array(column, dtype=np.float64) for column in columns))
        self.owners = np.array([place.edge for place, _ in chosen], dtype=np.intp)
        first = [branch is place.device.branches[0] for place, branch in chosen]
        self.edges = np.where(first, self.owners, -1)
        self.local = all(branch.local for _, branch in chosen)
        self.reciprocal = all(branch.reciprocal for _, branch in chosen)
        self._chosen, self._index = chosen, index

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def labels(self) -> list[str]:
        """Names of their devices."""
        return [place.device.label for place, _ in self._chosen]

    @property
    def ends(self) -> list[tuple[str, str]]:
        """Nodes at the start and at the end of each branch."""
        at = [place.at for place, _ in self._chosen]
        return [(here[branch.start], here[branch.end]) for here, (_, branch) in zip(at, self._chosen, strict=True)]

    @cached_property
    def incidence(self) -> csr_array:
        """(D, N): +1 at the start of a branch, −1 at its end."""
        return self._incidence([[(branch.start, branch.end) for _, branch in self._chosen]])

    @cached_property
    def controls(self) -> csr_array:
        """(C D, N): voltages of the first control of all branches, then of the second, are this times those of the nodes."""
        return self._incidence(list(zip(*(branch.pairs for _, branch in self._chosen), strict=True)))

    def given(self, conductances: Array) -> Array:
        """(D, 1) S of the devices' edges, for conductances (E,) [S]."""
        return np.append(conductances, np.nan)[self.owners, None]

    def currents(self, conductances: Array, voltages: Array) -> Array:
        """(S, D) A, for conductances (E,) [S] and node voltages (S, N) [V]."""
        volts = np.asarray(self.controls @ voltages.T).reshape(-1, len(self), len(voltages))
        return self.law.currents(self.given(conductances), volts)[0].T

    def _incidence(self, pairs: Sequence[Sequence[tuple[str, str]]]) -> csr_array:
        """(rows, N) incidence matrix of pairs of terminals: +1 at the first, −1 at the second; row by row of all branches."""
        from scipy.sparse import csr_array

        at = [place.at for place, _ in self._chosen]
        ends = [
            (self._index.get(here[one], -1), self._index.get(here[two], -1))
            for row in pairs
            for here, (one, two) in zip(at, row, strict=True)
        ]
        nodes = np.array(ends, dtype=np.intp).T.ravel()
        rows, signs = np.tile(np.arange(len(ends)), 2), np.repeat([1.0, -1.0], len(ends))
        there = nodes >= 0
        return csr_array((signs[there], (rows[there], nodes[there])), shape=(len(ends), len(self._index)))


def branches_by_law(chosen: Iterable[tuple[Placed, Branch]], index: Mapping[str, int]) -> tuple[Branches, ...]:
    """Branches of devices, those of a law together; `index` as in `Branches`."""
    laws: dict[tuple[type[Law], int, tuple[int, ...]], list[tuple[Placed, Branch]]] = {}
    for place, branch in chosen:
        sizes = tuple(np.size(getattr(place.device, name)) for name in branch.numbers)  # tables of one length only
        laws.setdefault((branch.law, len(branch.pairs), sizes), []).append((place, branch))
    return tuple(Branches(of_one_law, index) for of_one_law in laws.values())
