"""Contract suites: what every circuit, rule, loss, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.devices import DeviceContract
from hwlearn.testing.linear import LinearContract
from hwlearn.testing.losses import LossContract
from hwlearn.testing.resistors import ResistorContract
from hwlearn.testing.rules import RuleContract

__all__ = ["CircuitContract", "DeviceContract", "LinearContract", "LossContract", "ResistorContract", "RuleContract"]
