"""`Components`: what the edges of a network are, and what flows through them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.network.devices import (
    CONDUCTANCE,
    GATE_VOLTAGE,
    Branches,
    EdgeDevice,
    Parameter,
    Placed,
    Resistor,
    branches_by_law,
)
from hwlearn.network.edges import Element
from hwlearn.network.topology import Topology


class Components(Topology):
    """The components of a `Network`: resistors on its edges, or the devices that stand there instead, and other elements.

    The attributes are fields of `Network`, which describes them. E and N are the numbers of edges and nodes.
    """

    conductances: Array
    trainable: NDArray[np.bool_]
    devices: tuple[EdgeDevice, ...]
    elements: tuple[Element, ...]

    @property
    def linear(self) -> bool:
        """True if there is nothing but resistors and sources."""
        return not self.elements and not self.devices

    @property
    def edge_word(self) -> str:
        """What an edge is called: a resistor, if all are."""
        return "edge" if self.devices else Resistor.word

    def counted(self) -> str:
        """How many edges there are and are trained, in words."""
        words = [device.word for device in self.devices]
        counts = [(len(self.edges) - len(words), Resistor.word), *((words.count(word), word) for word in dict.fromkeys(words))]
        kinds = " and ".join(f"{count} {word}s" for count, word in counts) if words else f"{len(self.edges)}"
        return f"{kinds}, of which {int(self.trainable.sum())} are trained"

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The `devices`, with the nodes of their terminals and the positions of their edges."""
        place = {name: k for k, name in enumerate(self.edge_names)} if self.devices else {}
        edges = [place[device.edge] for device in self.devices]
        return tuple(
            Placed(device, (*self.edges[k][:2], *device.further), k) for device, k in zip(self.devices, edges, strict=True)
        )

    @cached_property
    def device_at(self) -> Mapping[int, EdgeDevice]:
        """The `devices` by the positions of their edges."""
        return {place.edge: device for place, device in zip(self.placed, self.devices, strict=True)}

    @property
    def settings(self) -> dict[Parameter, dict[str, float]]:
        """What `devices` are set by instead of their conductance, such as a gate voltage; settings by names of edges."""
        found: dict[Parameter, dict[str, float]] = {}
        for k, device in self.device_at.items():
            if device.set_by != CONDUCTANCE:
                found.setdefault(device.set_by, {})[device.edge] = device.setting(float(self.conductances[k]))
        return found

    @property
    def gate_voltages(self) -> dict[str, float]:
        """Volts, by the names of the edges that have a gate."""
        return self.settings.get(GATE_VOLTAGE, {})

    @cached_property
    def _edge_branches(self) -> tuple[Branches, ...]:
        return branches_by_law(((place, place.device.branches[0]) for place in self.placed), self.node_index)

    def edge_currents(self, conductances: Array, voltages: Array) -> Array:
        """(S, E) A from tail to head, for conductances (E,) [S] and node voltages (S, N) [V]."""
        currents = (voltages[:, self.tails] - voltages[:, self.heads]) * conductances
        for branches in self._edge_branches:
            currents[:, branches.edges] = branches.currents(conductances, voltages)
        return currents
