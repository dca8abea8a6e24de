"""Contract suites: what every circuit, rule, device, driver must do, for those who write their own."""

from hwlearn.testing.backends import BackendContract
from hwlearn.testing.circuits import CircuitContract
from hwlearn.testing.commands import CommandContract
from hwlearn.testing.imperfections import ImperfectionContract

__all__ = ["BackendContract", "CircuitContract", "CommandContract", "ImperfectionContract"]
