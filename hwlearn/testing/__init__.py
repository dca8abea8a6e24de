"""Contract suites: what every circuit, rule, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.resistors import ResistorContract

__all__ = ["CircuitContract", "ResistorContract"]
