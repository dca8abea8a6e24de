"""Every error of hwlearn: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable


class HwlearnError(Exception):
    """Base of all errors that hwlearn raises on purpose."""


class NetworkError(HwlearnError, ValueError):
    """A network that cannot exist: unknown node, duplicate element, loop of sources, island."""


class NetlistError(NetworkError):
    """A netlist that cannot be read; names the file and, where there is one, the line."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        self.file, self.line = file, line
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(where + message)


class DeviceError(HwlearnError, ValueError):
    """A netlist card or a parameter that a device's law does not take; says why."""


class DriveError(HwlearnError, ValueError):
    """A drive or a conductance that does not fit the circuit: wrong shape, NaN, not positive."""


class TaskError(HwlearnError, ValueError):
    """A task that does not fit: wrong shape, NaN, a CSV file that cannot be read."""


class ExperimentError(HwlearnError, ValueError):
    """An experiment file that cannot be used; names the file and the key."""


class RegistryError(HwlearnError, LookupError):
    """A rule, loss, device, circuit, driver, imperfection or command that nobody registered, or that cannot be used."""


class ModelError(HwlearnError, ValueError):
    """A circuit that this backend cannot represent, such as a diode in the exact linear model."""


class MeasurementError(HwlearnError, RuntimeError):
    """A phase that could not be measured, or whose answer must not be learned from."""


class SimulationError(MeasurementError):
    """A simulation whose answer must not be learned from: singular, not converged, incomplete.

    `lines` holds what the simulator wrote, where that is known.
    """

    def __init__(self, message: str, lines: Iterable[str] = ()) -> None:
        self.lines = tuple(lines)
        super().__init__(message)


class ConvergenceError(SimulationError):
    """A simulation whose iteration did not converge; with looser tolerances it may."""


class InstrumentError(MeasurementError):
    """An instrument that does not answer, answers nonsense, or refuses a command; names instrument and resource."""

    def __init__(self, message: str, instrument: str = "", resource: str = "") -> None:
        self.instrument, self.resource = instrument, resource
        where = f"{instrument} ({resource}): " if resource else f"{instrument}: " if instrument else ""
        super().__init__(where + message)


class StationError(HwlearnError, ValueError):
    """A station file that cannot be used, or a bench wired otherwise than it says; names the file and the key."""


class LibraryNotFoundError(HwlearnError, ImportError):
    """libngspice is not installed; the text names the command that installs it."""


class HwlearnWarning(UserWarning):
    """Something that is allowed and is probably not what was meant."""
