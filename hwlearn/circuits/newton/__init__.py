"""The exact model of nonlinear networks: Newton's method."""

from hwlearn.circuits.newton.circuit import NewtonCircuit

__all__ = ["NewtonCircuit"]
