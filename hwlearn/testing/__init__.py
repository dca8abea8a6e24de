"""Contract suites: what every circuit, rule, device, driver must do, for those who write their own."""

from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.drivers import (
    DriverContract,
    ResistorBoxContract,
    ScannerContract,
    SourceContract,
    SourceMeterContract,
)
from hwlearn.testing.protocol import expected_protocol

__all__ = [
    "CircuitContract",
    "DriverContract",
    "ResistorBoxContract",
    "ScannerContract",
    "SourceContract",
    "SourceMeterContract",
    "expected_protocol",
]
