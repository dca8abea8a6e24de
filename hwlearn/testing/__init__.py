"""Contract suites: what every circuit, rule, loss, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.drivers import (
    DriverContract,
    ResistorBoxContract,
    ScannerContract,
    SourceContract,
    SourceMeterContract,
)
from hwlearn.testing.linear import LinearContract
from hwlearn.testing.losses import LossContract
from hwlearn.testing.protocol import expected_protocol
from hwlearn.testing.resistors import ResistorContract
from hwlearn.testing.rules import RuleContract

__all__ = [
    "CircuitContract",
    "DriverContract",
    "LinearContract",
    "LossContract",
    "ResistorBoxContract",
    "ResistorContract",
    "RuleContract",
    "ScannerContract",
    "SourceContract",
    "SourceMeterContract",
    "expected_protocol",
]
