"""The exact model: linear algebra on the merged nodes."""

from hwlearn.circuits.exact.circuit import ExactCircuit

__all__ = ["ExactCircuit"]
