"""`ExactBackend`: exact models, linear or not."""

from __future__ import annotations

from pathlib import Path

from hwlearn.circuits.backend import Backend
from hwlearn.circuits.base import Circuit
from hwlearn.network import Network


class ExactBackend(Backend):
    """`ExactCircuit`, or `NewtonCircuit` where the network is not linear."""

    def circuit(self, network: Network, folder: Path, *, verify: bool = True) -> Circuit:
        if network.linear:
            from hwlearn.circuits.exact.circuit import ExactCircuit

            return ExactCircuit(network)
        from hwlearn.circuits.newton.circuit import NewtonCircuit

        return NewtonCircuit(network)
