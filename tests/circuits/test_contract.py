"""Both backends keep the contract of a circuit of resistors."""

from hwlearn import Circuit, ExactCircuit, Network, NgspiceCircuit
from hwlearn.testing.resistors import ResistorContract


class TestExactCircuit(ResistorContract):
    def make(self, network: Network) -> Circuit:
        return ExactCircuit(network)


class TestNgspiceCircuit(ResistorContract):
    def make(self, network: Network) -> Circuit:
        return NgspiceCircuit(network)
