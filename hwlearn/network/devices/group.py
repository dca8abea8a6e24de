"""`Group`: the devices of one law in a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hwlearn.arrays import Array, Indices
from hwlearn.network.devices.device import Device, EdgeDevice
from hwlearn.text import GROUND

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Group:
    """Devices of one law, and where they are.

    Args:
        devices: D, of one class.
        nodes: of the terminals of each.
        index: position of each node's name; ground may lack.
        edges: (D,) positions of the edges that the devices are; empty for elements.

    Attributes:
        kind: the class of the devices.
        law: theirs.
    """

    def __init__(
        self, devices: Sequence[Device], nodes: Sequence[Sequence[str]], index: Mapping[str, int], edges: Indices
    ) -> None:
        self.devices, self.edges, self.kind = tuple(devices), edges, type(devices[0])
        self.law = self.kind.law(self.devices)
        columns = [[index.get(node, -1) for node in column] for column in zip(*nodes, strict=True)]
        self._at = {name: np.array(column, dtype=np.intp) for name, column in zip(self.kind.terminals, columns, strict=True)}
        self._at[GROUND] = np.full(len(self.devices), index.get(GROUND, -1), dtype=np.intp)
        self._size = len(index)

    @property
    def edge_devices(self) -> tuple[EdgeDevice, ...]:
        """The devices, if they are edges."""
        return tuple(device for device in self.devices if isinstance(device, EdgeDevice))

    @cached_property
    def branches(self) -> csr_array:
        """(B D, N) incidence of the branches, all devices of the first one first: +1 at its start, −1 at its end."""
        return self._incidence(self.kind.branches)

    @cached_property
    def controls(self) -> csr_array:
        """(C D, N): voltages of the controls are this times those of the nodes."""
        return self._incidence(self.kind.controls)

    def volts(self, voltages: Array) -> Array:
        """(C, D, S) V of the controls at node voltages (S, N) [V]."""
        return np.asarray(self.controls @ voltages.T).reshape(len(self.kind.controls), len(self.devices), -1)

    def currents(self, given: Array, voltages: Array) -> Array:
        """(S, D) A through the first branch, for conductances (D,) [S] and node voltages (S, N) [V]."""
        return self.law.currents(given[:, None], self.volts(voltages))[0][0].T

    def _incidence(self, pairs: Sequence[tuple[str, str]]) -> csr_array:
        from scipy.sparse import csr_array

        ends = np.concatenate([self._at[end] for side in (0, 1) for end in (pair[side] for pair in pairs)])
        count = len(pairs) * len(self.devices)
        rows, signs = np.tile(np.arange(count), 2), np.repeat([1.0, -1.0], count)
        there = ends >= 0
        return csr_array((signs[there], (rows[there], ends[there])), shape=(count, self._size))


def grouped(
    devices: Sequence[Device], nodes: Sequence[Sequence[str]], index: Mapping[str, int], edges: Indices
) -> list[Group]:
    """One group for each class; `edges` (D,) are those of the devices, or empty."""
    kinds: dict[type[Device], list[int]] = {}
    for k, device in enumerate(devices):
        kinds.setdefault(type(device), []).append(k)
    return [
        Group([devices[k] for k in which], [nodes[k] for k in which], index, edges[which] if len(edges) else edges)
        for which in kinds.values()
    ]
