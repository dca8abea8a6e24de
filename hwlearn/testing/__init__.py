"""Contract suites: what every member of a kind must do, for those who write their own."""

from hwlearn.testing.backends import BackendContract
from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.commands import CommandContract
from hwlearn.testing.devices import DeviceContract
from hwlearn.testing.drivers import (
    DriverContract,
    ResistorBoxContract,
    ScannerContract,
    SourceContract,
    SourceMeterContract,
)
from hwlearn.testing.imperfections import ImperfectionContract
from hwlearn.testing.linear import LinearContract
from hwlearn.testing.losses import LossContract
from hwlearn.testing.protocol import expected_protocol
from hwlearn.testing.resistors import ResistorContract
from hwlearn.testing.rules import RuleContract

__all__ = [
    "BackendContract",
    "CircuitContract",
    "CommandContract",
    "DeviceContract",
    "DriverContract",
    "ImperfectionContract",
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
