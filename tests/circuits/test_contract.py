"""Both backends keep the contract of a circuit."""

from hwlearn import Circuit, ExactCircuit, Network, NgspiceCircuit
from hwlearn.testing.circuits import CircuitContract


class TestExactCircuit(CircuitContract):
    def make(self, network: Network) -> Circuit:
        return ExactCircuit(network)


class TestNgspiceCircuit(CircuitContract):
    def make(self, network: Network) -> Circuit:
        return NgspiceCircuit(network)
