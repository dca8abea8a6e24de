"""The laws of a network's devices, and their rows in Newton's equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from hwlearn.arrays import Array, Indices
from hwlearn.errors import DeviceError, ModelError
from hwlearn.netlist.laws import read_elements
from hwlearn.network import Network
from hwlearn.network.devices import DEVICES, Group
from hwlearn.network.devices.group import grouped
from hwlearn.network.devices.models import options_of


def all_groups(network: Network) -> list[Group]:
    """The network's devices, and its elements read by their laws.

    Raises:
        ModelError: names the elements that no law takes, each with its line, and what is said against the first ones.
    """
    options = options_of(network.directives)
    for group in network.groups:
        try:
            group.kind.check_options(options)
        except DeviceError as error:
            raise ModelError(f"{group.kind.word} {group.devices[0].label}: {error}. Use backend ngspice") from None
    found, refused = read_elements(network.elements, network.directives, network.laws)
    if refused:
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        known = sorted({f"{law.word}s" for law in map(DEVICES.get, DEVICES)} | {f"{law.word}s" for law in network.laws})
        raise ModelError(
            f"the exact model takes {', '.join(known)} and DC sources, as far as their laws go; "
            f"not {'; '.join(refused[:5])}{more}. Use backend ngspice"
        )
    elements = grouped(found, [device.nodes for device in found], network.node_index, np.empty(0, dtype=np.intp))
    return [*network.groups, *elements]


@dataclass(frozen=True, eq=False)
class Placed:
    """A group of D devices, and its rows among flows and controls.

    Attributes:
        flows: row of flows of each branch: (D,).
        seen: rows of each control.
    """

    group: Group
    flows: tuple[Indices, ...]
    seen: tuple[slice, ...]

    @property
    def count(self) -> int:
        """D."""
        return len(self.group.devices)

    @property
    def shape(self) -> tuple[int, int]:
        """(C, D)."""
        return len(self.seen), self.count

    @property
    def limited(self) -> list[int]:
        """Positions of the controls whose steps are limited."""
        return list(self.group.law.limited)

    @property
    def of_slopes(self) -> tuple[Indices, Indices]:
        """Rows of flows and of controls that the slopes belong to, (slopes · D,) each."""
        pairs = self.group.kind.slopes
        seen = [np.arange(rows.start, rows.stop) for rows in self.seen]
        return np.concatenate([self.flows[branch] for branch, _ in pairs]), np.concatenate([seen[of] for _, of in pairs])

    @property
    def further(self) -> csr_array:
        """(…, N) incidence of the branches that are no edges."""
        return self.group.branches[len(self.group.edges) :]

    def volts(self, controls: Array) -> Array:
        """(C, D, S) V out of the controls of all devices (…, S), a view."""
        return controls[self.seen[0].start : self.seen[-1].stop].reshape(*self.shape, controls.shape[1])


def placed(groups: Sequence[Group], edges: int) -> Iterator[Placed]:
    """The groups' rows, one group after the other: flows after those of the edges, and controls from 0 on."""
    flow, control = edges, 0
    for group in groups:
        count, flows = len(group.devices), list[Indices]()
        for branch in range(len(group.kind.branches)):
            if branch == 0 and len(group.edges):
                flows.append(group.edges)
            else:
                flows.append(np.arange(flow, flow + count))
                flow += count
        seen = [slice(control + k * count, control + (k + 1) * count) for k in range(len(group.kind.controls))]
        control += count * len(seen)
        yield Placed(group, tuple(flows), tuple(seen))
