"""What instruments do on a bench: drive, sense, program, nudge.

A role says what is done, in volts, amperes and codes; how an instrument is told so is its driver's matter. An instrument
has as many roles as its class has bases here, so no two roles have a method of the same name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.found import Found
from hwlearn.lab.instruments.settings import InstrumentTable, Setup


@dataclass(frozen=True)
class Wired:
    """The channels of one instrument that are wired to a network, by the key of the station file that names them.

    Attributes:
        drive: of inputs and sources. read: of nodes. set: of resistors. nudge: of outputs. celsius: of temperatures.
    """

    drive: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    nudge: tuple[str, ...] = ()
    celsius: tuple[str, ...] = ()


class Instrument(ABC):
    """An instrument. Making one changes no output.

    Attributes:
        model: what it is, for people.
        address: what `resource` of a station file must be; empty if the driver needs none.
        terminals: between which it can be told to choose, as `terminals` of a station file.
        only: its channels, if it has no others.
        name: in the station file.
    """

    model: ClassVar[str] = "instrument"
    address: ClassVar[str] = ""
    terminals: ClassVar[tuple[str, ...]] = ()
    only: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def nplcs(cls, line_hz: int) -> tuple[float, float]:
        """Shortest and longest integration time that it can be set to, in power line cycles of `line_hz` [Hz]."""
        return 0.0, math.inf

    @classmethod
    def fitted(cls, table: InstrumentTable) -> type[Instrument]:
        """The driver for this table of a station file: itself, unless the table says which roles it has.

        Raises:
            ValueError: it cannot do what the table says.
        """
        return cls

    @classmethod
    def code(cls, table: InstrumentTable) -> str:
        """The code that this table of a station file names, which is run only where the file is trusted; empty if none."""
        return ""

    @classmethod
    def connect(cls, setup: Setup) -> Self:
        """Find the instrument, and make sure that it is the one that is meant.

        Raises:
            InstrumentError: it is not there, or is another one.
        """
        return cls(setup.name)

    @property
    def identity(self) -> str:
        """Who it says that it is."""
        return self.model

    @property
    def recoveries(self) -> int:
        """How often it was lost and found again; it may have been switched off meanwhile, and forgotten what it was told."""
        return 0

    def report(self) -> dict[str, Any]:
        """What it has been through, for the record of a run, as JSON; also after `close`."""
        return {"identity": self.identity, "recoveries": self.recoveries}

    def error(self, message: str) -> InstrumentError:
        """An error that names this instrument."""
        return InstrumentError(message, self.name)

    def present(self) -> None:  # noqa: B027  # most instruments cannot leave
        """Make sure that it is still there.

        Raises:
            InstrumentError: it is not.
        """

    def look(self, wired: Wired) -> list[Found]:
        """What it was left with by whoever used it before, at the wired channels; empty if it cannot say. Changes nothing.

        Raises:
            InstrumentError: it does not answer.
        """
        return []

    def safe(self, wired: Wired) -> None:
        """Outputs off, drives at zero, resistors open, whatever was done before. What fails does not stop the rest.

        Raises:
            InstrumentError: it may not be safe.
        """
        with ExitStack() as last:  # is done first
            if isinstance(self, ResistorBox):
                last.callback(self.open)
            if isinstance(self, Source) and wired.drive:
                last.callback(self.zero, wired.drive)
            if isinstance(self, SourceMeter) and (wired.nudge or not wired.drive):
                last.callback(self.off, wired.nudge)

    def close(self) -> None:  # noqa: B027  # most have nothing to let go of
        """Let go of the instrument, as it is; may be called twice."""


class Source(Instrument):
    """Role drive: voltage channels."""

    @abstractmethod
    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        """Set channels [V], together.

        Returns:
            What the instrument made of it, as it says [V].

        Raises:
            InstrumentError: a voltage that it cannot make.
        """

    def zero(self, channels: Sequence[str]) -> None:
        """Make channels safe."""
        self.set(dict.fromkeys(channels, 0.0))


class Scanner(Instrument):
    """Role sense: a scan list of voltage channels."""

    @abstractmethod
    def select(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float | None = None) -> None:
        """Choose what `scan` reads, whatever somebody else has left it in.

        Args:
            channels: in the order of the readings.
            volts: range [V]. nplc: integration time in power line cycles.
            high_z: input impedance above 10 GΩ.
            delay: before each channel is read [s]; None is what the instrument takes for long enough.
        """

    @abstractmethod
    def scan(self, repeats: int = 1) -> Array:
        """(repeats, channels) V, scans one after the other; ±inf for overload, NaN for not measured.

        Raises:
            InstrumentError: nothing was selected.
        """


class ResistorBox(Instrument):
    """Role program: resistors set by codes, all at once."""

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """(number of resistors, largest code)."""

    @abstractmethod
    def state(self) -> tuple[NDArray[np.intp], bool]:
        """((count,) codes, whether all resistors are open whatever these say)."""

    def codes(self) -> NDArray[np.intp]:
        """(count,) codes that are set now.

        Raises:
            InstrumentError: the resistors are open, as after the watchdog.
        """
        codes, opened = self.state()
        if opened:
            raise self.error("its resistors are open: its watchdog did that, or `bench safe`; program the circuit again")
        return codes

    @abstractmethod
    def write(self, codes: Sequence[int]) -> None:
        """Set all codes, and make sure that the box has them then.

        Raises:
            InstrumentError: codes that do not fit, or that the box did not take.
        """

    @abstractmethod
    def open(self) -> None:
        """Open all resistors until codes are written."""

    def watchdog(self, seconds: float) -> None:
        """Open all resistors when nothing is heard for so long [s]; 0 is off.

        Raises:
            InstrumentError: the box has no watchdog.
        """
        if seconds:
            raise self.error("has no watchdog: leave watchdog_s out")


class MeterReading(NamedTuple):
    """What a source meter measured: V, A, and whether its limit acts."""

    volts: float
    amperes: float
    tripped: bool


def each_whatever_fails(steps: Sequence[Callable[[str], object]], channels: Sequence[str]) -> None:
    """The first step of all channels in their order, then the next of all. An error does not stop the rest, and is raised."""
    with ExitStack() as last:  # is done first
        for step in reversed(steps):
            for channel in reversed(channels):
                last.callback(step, channel)


class SourceMeter(Source):
    """Role nudge: channels that source a current and read the voltage, or the other way round; so they can drive as well."""

    @abstractmethod
    def limit(self, channel: str, *, volts: float, amperes: float, nplc: float) -> None:
        """Set limits [V, A] and integration time in power line cycles.

        The first time, and after a connection that failed, the output goes off and all else is set up; later it stays on.
        """

    @abstractmethod
    def inject(self, channel: str, amperes: float) -> None:
        """Source a current [A], positive out of the channel's high terminal, output on."""

    @abstractmethod
    def hold(self, channel: str, volts: float) -> None:
        """Hold a voltage [V], output on."""

    @abstractmethod
    def read(self, channel: str) -> MeterReading:
        """Measure voltage and current, and ask whether the limit acts.

        Raises:
            InstrumentError: nothing was sourced before.
        """

    def step(self, channel: str, level: float) -> MeterReading | None:
        """Measure as `read`, then source another level [A or V] of what is sourced now, in one round trip.

        Returns:
            None, and nothing is done, by those that need two.
        """
        return None

    @abstractmethod
    def off(self, channels: Sequence[str]) -> None:
        """Levels to zero and outputs off."""

    def metered(self, channel: str) -> bool:
        """Whether a channel that drives is one of these; another has no limits, and no readings."""
        return True

    def zero(self, channels: Sequence[str]) -> None:
        self.off(channels)

    def set(self, volts: Mapping[str, float]) -> Mapping[str, float]:
        for channel, value in volts.items():
            self.hold(channel, value)
        return volts


class Thermometer(Instrument):
    """Role temperature: channels that say how warm it is."""

    @abstractmethod
    def celsius(self, channel: str) -> float:
        """Temperature [°C]."""


ROLES: tuple[type[Instrument], ...] = (Source, Scanner, ResistorBox, SourceMeter, Thermometer)


def roles_of(driver: type[Instrument]) -> list[str]:
    """The names of a driver's roles."""
    return [role.__name__ for role in ROLES if issubclass(driver, role)]
