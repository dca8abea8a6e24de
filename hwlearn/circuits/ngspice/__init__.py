"""The network in ngspice."""

from hwlearn.circuits.ngspice.circuit import NgspiceCircuit

__all__ = ["NgspiceCircuit"]
