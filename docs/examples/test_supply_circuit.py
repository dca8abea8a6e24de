"""What every circuit must do, on circuits of all kinds of sources and ports."""

from supply_circuit import SupplyCircuit

from hwlearn.testing.resistors import ResistorContract


class TestSupplyCircuit(ResistorContract):
    tolerance = 1e-5  # of the largest voltage, current or power of a phase
    pulls = False  # it knows no resistors at its outputs

    def make(self, network):
        return SupplyCircuit(network)
