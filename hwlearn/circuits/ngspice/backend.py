"""`NgspiceBackend`: the simulator."""

from __future__ import annotations

from pathlib import Path

from pydantic import PositiveInt

from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.network import Network


class NgspiceBackend(Backend):
    """`NgspiceCircuit`.

    Attributes:
        processes: that share the samples of a phase; if not given, as many as were measured to pay.
    """

    incidental = frozenset({"processes"})

    processes: PositiveInt | None = None

    def circuit(self, network: Network, folder: Path, *, verify: bool = True) -> Circuit:
        from hwlearn.circuits.ngspice.circuit import NgspiceCircuit

        return NgspiceCircuit(network, self.processes)
