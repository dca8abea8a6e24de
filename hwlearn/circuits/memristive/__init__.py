"""`MemristiveCircuit`: a circuit whose memristors move while it is measured, and how they are programmed."""

from hwlearn.circuits.memristive.circuit import MemristiveCircuit
from hwlearn.circuits.memristive.programming import Exactly, Programming, Pulses

__all__ = ["Exactly", "MemristiveCircuit", "Programming", "Pulses"]
