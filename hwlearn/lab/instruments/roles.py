"""What instruments do on a bench: drive, sense, program, nudge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.lab.instruments.scpi import number, parse_integers, parse_numbers
from hwlearn.lab.instruments.session import Session

RELAY_SECONDS = 0.02
"""Switching from one channel to the next, at most."""


class Instrument(ABC):
    """An instrument in its role. Making one sends nothing.

    Attributes:
        model: what it is, for people.
    """

    model: ClassVar[str]

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def name(self) -> str:
        """The instrument's name in the station file."""
        return self.session.name

    @abstractmethod
    def safe(self, channels: Sequence[str]) -> None:
        """Make the channels safe, whatever was done before; one round trip."""


class Source(Instrument):
    """Role drive: voltage channels."""

    @abstractmethod
    def set_voltages(self, volts: Mapping[str, float]) -> dict[str, float]:
        """Set channels [V]; returns what the instrument says it was set to. One round trip."""

    def safe(self, channels: Sequence[str]) -> None:
        self.set_voltages(dict.fromkeys(channels, 0.0))

    def _checked(self, volts: Mapping[str, float], told: Array) -> dict[str, float]:
        """What was acknowledged, if it is what was asked for, to a step of a coarse converter."""
        for (channel, wanted), said in zip(volts.items(), told.tolist(), strict=True):
            if not abs(said - wanted) <= 0.01 * abs(wanted) + 0.01:
                raise self.session.error(f"channel {channel} was set to {wanted:g} V and says {said:g} V: out of its range?")
        return dict(zip(volts, told.tolist(), strict=True))


class Scanner(Instrument):
    """Role sense: a scan list of voltage channels."""

    line_hz = 50
    channels: Sequence[str] = ()
    _scan_seconds = 0.0

    def configure(self, channels: Sequence[str], *, volts: float, nplc: float, high_z: bool, delay: float = 0.0) -> None:
        """Set up the scan list.

        Args:
            channels: in the order of the readings wanted; the instrument scans them in ascending order.
            volts: range [V]. nplc: integration time in power line cycles.
            high_z: input impedance above 10 GΩ. delay: before each channel [s].
        """
        self.channels = sorted(channels, key=_ascending)
        self._order = np.array([self.channels.index(channel) for channel in channels], dtype=np.intp)
        self._scan_seconds = len(channels) * (nplc / self.line_hz + delay + RELAY_SECONDS)
        self.session.tell(self.setup(self.channels, volts, nplc, high_z, delay))

    def scan(self, times: int = 1) -> Array:
        """(times, channels) V in the order of `configure`, scans one after the other; ±inf for overload, NaN for not measured.

        One round trip, however many times.

        Raises:
            InstrumentError: there was no `configure`.
        """
        if not self.channels:
            raise self.session.error("has no channels to scan: configure it first")
        count = len(self.channels)
        message, replies = self.request(count, times)
        readings = self.session.read(
            message,
            lambda fields: parse_numbers(fields[-1], times * count),
            replies=replies,
            seconds=times * self._scan_seconds,
        )
        return readings.reshape(times, count)[:, self._order]

    def safe(self, channels: Sequence[str]) -> None:
        """A scanner only listens: nothing to do."""

    @abstractmethod
    def setup(self, channels: Sequence[str], volts: float, nplc: float, high_z: bool, delay: float) -> str:
        """The message that sets up the list."""

    @abstractmethod
    def request(self, count: int, times: int) -> tuple[str, int]:
        """(message that makes scans of `count` channels and sends them, number of its answers), the readings the last one."""


class ResistorBox(Instrument):
    """Role program: resistors set by codes, all at once."""

    count: int = 0
    top: int = 0

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """(number of resistors, largest code), asked."""

    @abstractmethod
    def state(self) -> tuple[NDArray[np.intp], bool]:
        """((count,) codes, whether all resistors are open whatever these say). One round trip."""

    def codes(self) -> NDArray[np.intp]:
        """(count,) codes that are set now.

        Raises:
            InstrumentError: the resistors are open, as after the watchdog.
        """
        codes, opened = self.state()
        if opened:
            raise self.session.error(
                "its resistors are open: its watchdog did that, or `bench safe`; program the circuit again"
            )
        return codes

    @abstractmethod
    def write(self, codes: Sequence[int]) -> None:
        """Set all codes, and compare with what the box says then. One round trip."""

    @abstractmethod
    def watchdog(self, seconds: float) -> None:
        """Open all resistors when no message came for so long [s]; 0 is off."""


class MeterReading(NamedTuple):
    """What a source meter measured: V, A, and whether its limit acts."""

    volts: float
    amperes: float
    tripped: bool


class SourceMeter(Instrument):
    """Role nudge: channels that source a current and read the voltage, or the other way round."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._mode: dict[str, str] = {}
        self._seconds = 1.0

    def configure(self, channel: str, *, v_limit: float, i_limit: float, nplc: float) -> None:
        """Set limits and integration time; the output stays as it is. The next level switches it on, whatever was before."""
        self._seconds = 4 * nplc / 50
        self._mode.pop(channel, None)
        limits = self.limits(channel, number(v_limit), number(i_limit), number(nplc))
        self.session.tell(limits)
        self.session.kept[channel] = limits

    def current(self, channel: str, amperes: float) -> None:
        """Source a current [A], positive out of the channel's high terminal, output on."""
        self._source(channel, "CURR", amperes)

    def voltage(self, channel: str, volts: float) -> None:
        """Hold a voltage [V], output on."""
        self._source(channel, "VOLT", volts)

    def _source(self, channel: str, function: str, value: float) -> None:
        changed = self._mode.get(channel) != function
        self._mode.pop(channel, None)
        self.session.tell(self.level(channel, function, number(value), changed))
        self._mode[channel] = function

    def read(self, channel: str) -> MeterReading:
        """Measure voltage and current, and ask whether the limit acts. One round trip.

        Raises:
            InstrumentError: nothing was sourced before.
        """
        function = self._mode.get(channel)
        if function is None:
            raise self.session.error(f"channel {channel} sources nothing: give it a current or a voltage first")
        message, replies = self.request(channel, function)

        def parse(fields: list[str]) -> MeterReading:
            one, two = parse_numbers(fields[-2], 2).tolist()
            return MeterReading(*self.ordered(one, two, function), bool(parse_integers(fields[-1], 1)[0]))

        return self.session.read(message, parse, replies=replies, seconds=self._seconds)

    def ordered(self, one: float, two: float, function: str) -> tuple[float, float]:
        """(V, A) of the two values that the instrument sends."""
        return one, two

    @abstractmethod
    def limits(self, channel: str, v_limit: str, i_limit: str, nplc: str) -> str:
        """The message of `configure`."""

    @abstractmethod
    def level(self, channel: str, function: str, value: str, changed: bool) -> str:
        """The message that sources "CURR" or "VOLT"; `changed` if it was another function before."""

    @abstractmethod
    def request(self, channel: str, function: str) -> tuple[str, int]:
        """(message that measures, number of its answers): two values, then whether the limit acts."""


def _ascending(channel: str) -> tuple[int, str]:
    return (int(channel), "") if channel.isdigit() else (0, channel)
