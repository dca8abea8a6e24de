"""Contract suites: what every circuit, rule, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.devices import DeviceContract

__all__ = ["CircuitContract", "DeviceContract"]
