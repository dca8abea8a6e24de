"""`Ledger`: what learning costs, measured on a bench or predicted for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.measurement import Measurement
from hwlearn.network import Network

SETTLE = 0.01
"""Wait after each change of a bench of which nothing else is known [s]; that of a station file that says nothing."""


@dataclass(frozen=True)
class Ledger:
    """Energy, time, readings and writes. Ledgers can be added and multiplied (`times`).

    Attributes:
        energy: what the sources gave, Σ V·I over the phases and how long each was on [J].
        settling, reading, programming: time spent so [s].
        readings: values read. phases: how often a sample was driven and read.
        writes: changes of each device's code, by edge.
        worn: part of the writes that its maker promises, by edge, where that is known.
    """

    energy: float = 0.0
    settling: float = 0.0
    reading: float = 0.0
    programming: float = 0.0
    readings: int = 0
    phases: int = 0
    writes: Mapping[str, int] = field(default_factory=dict)
    worn: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(
            self.energy + other.energy,
            self.settling + other.settling,
            self.reading + other.reading,
            self.programming + other.programming,
            self.readings + other.readings,
            self.phases + other.phases,
            {name: self.writes.get(name, 0) + other.writes.get(name, 0) for name in {**self.writes, **other.writes}},
            {name: self.worn.get(name, 0.0) + other.worn.get(name, 0.0) for name in {**self.worn, **other.worn}},
        )

    def times(self, count: float) -> Ledger:
        """The ledger of `count` repetitions of what this one tells."""
        return Ledger(
            self.energy * count,
            self.settling * count,
            self.reading * count,
            self.programming * count,
            round(self.readings * count),
            round(self.phases * count),
            {name: round(writes * count) for name, writes in self.writes.items()},
            {name: part * count for name, part in self.worn.items()},
        )

    @property
    def seconds(self) -> float:
        """Settling, reading and programming."""
        return self.settling + self.reading + self.programming

    def as_dict(self) -> dict[str, Any]:
        """For JSON: J and s."""
        return {**vars(self), "seconds": self.seconds, "writes": dict(self.writes), "worn": dict(self.worn)}


@dataclass(frozen=True)
class Timing:
    """How long a bench takes, as a model.

    Attributes:
        settle: wait after each change [s]. reading: time to read a sample [s]. readings: values read of a sample.
        programming: time to write the devices [s].
        endurance: writes that the maker of each edge's device promises, where that is known.
    """

    settle: float = SETTLE
    reading: float = 0.0
    readings: int = 0
    programming: float = 0.0
    endurance: Mapping[str, float] = field(default_factory=dict)


def sourced(network: Network) -> Network:
    """The network with all of its sources as inputs, fixed ones last: what each gives is measured."""
    return network.with_ports(inputs=network.sources)


def source_values(network: Network, inputs: Array) -> Array:
    """(S, sources) V or A of all sources of `network`, for its inputs (S, n_in)."""
    fixed = np.array([source.value for source in network.fixed_sources])
    return np.hstack((inputs, np.broadcast_to(fixed, (len(inputs), len(fixed)))))


def source_power(network: Network, measured: Measurement) -> Array:
    """(S,) W that inputs and output ports give, Σ V·I; of all sources where `network` is `sourced`.

    Where a circuit does not tell the currents of its inputs, as with ideal diodes, it is the net power in the edges, which
    amplifiers give, too.
    """
    index, nodes = network.node_index, measured.node_voltages
    power = (measured.output_voltages * measured.output_currents).sum(axis=1)
    for k, source in enumerate(network.inputs):
        ends = [nodes[:, index[end]] if end in index else 0.0 for end in (source.plus, source.minus)]
        power = power + (ends[0] - ends[1]) * measured.input_currents[:, k]
    return power if np.isfinite(power).all() else measured.power
