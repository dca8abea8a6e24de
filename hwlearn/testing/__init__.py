"""Contract suites: what every circuit, rule, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract

__all__ = ["CircuitContract"]
