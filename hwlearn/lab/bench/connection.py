"""`Connection`: the instruments of a station, found, identified, and left safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hwlearn.errors import HwlearnError, InstrumentError, StationError
from hwlearn.lab.instruments.found import Driving, Found, Misreading, Noted, Unusable
from hwlearn.lab.instruments.roles import Instrument, Source
from hwlearn.lab.instruments.settings import Setup
from hwlearn.lab.instruments.signals import ending_signals_raise, ending_signals_wait
from hwlearn.lab.station import Station
from hwlearn.lab.station.load import as_built
from hwlearn.network import Network

log = logging.getLogger(__name__)

Role = TypeVar("Role", bound=Instrument)


class Connection:
    """All instruments of a station, found. Connecting asks who they are and what they were left with, and changes no output.

    With `backend = "virtual"` the virtual bench is started here and ends with the connection. Until `close`, SIGTERM and
    SIGHUP raise SystemExit in the main thread, so that every way out but SIGKILL ends in the safe state.

    Args:
        station: a checked station.
        network: what the virtual bench simulates; needed for that only.
        safe_at_end: make the station safe on closing, in its stated order.

    Attributes:
        found: what each instrument was left with by whoever used it before.

    Raises:
        InstrumentError: an instrument is not there, or is another one than the station says, or was left as it cannot be used,
            which is seen last and leaves the station safe.
    """

    def __init__(self, station: Station, network: Network | None = None, *, safe_at_end: bool = True) -> None:
        self.station, self._safe_at_end = station, safe_at_end
        self.instruments: dict[str, Instrument] = {}
        self._wired = station.wired()
        defaults = station.settings.defaults
        resources = {name: table.resource for name, table in station.settings.instrument.items()}
        with ExitStack() as stack:
            if defaults.backend == "virtual":
                from hwlearn.lab.virtual import VirtualBench

                if network is None:
                    raise StationError(f"{station.path}: a virtual bench needs the network that it shall simulate")
                virtual = stack.enter_context(VirtualBench(network, as_built(station)))
                resources.update(virtual.resources)
                self.virtual: VirtualBench | None = virtual
            else:
                self.virtual = None
            for name, resource in resources.items():
                self.instruments[name] = instrument = _opened(station, name, resource)
                stack.callback(instrument.close)
            stack.enter_context(ending_signals_raise())
            self.found = {name: instrument.look(self._wired[name]) for name, instrument in self.instruments.items()}
            self._stack, self._closed, self._begun = stack.pop_all(), False, False
        self._tell()

    def _tell(self) -> None:
        """Say what was found, and refuse what cannot be used."""
        for name, found in self.found.items():
            for one in found:
                _log(name, one, "; it is switched off before a resistor is connected" if isinstance(one, Driving) else "")
        for name, found in self.found.items():
            for one in found:
                if isinstance(one, Unusable):
                    try:
                        self.close()
                    except InstrumentError as unsafe:
                        raise InstrumentError(f"{one}; {unsafe}", name) from None
                    raise InstrumentError(str(one), name)

    def begin(self) -> None:
        """Before a resistor is connected for the first time: every source at zero and off, whoever left it on.

        Raises:
            InstrumentError: one of them is still on; its resistors were not connected.
        """
        if self._begun:
            return

        def silence(name: str) -> None:
            instrument, wired = self.instruments[name], self._wired[name]
            if not isinstance(instrument, Source):
                return
            instrument.safe(wired)
            on = [one for one in instrument.look(wired) if isinstance(one, Driving)] if self._was_driving(name) else []
            if on:
                raise instrument.error(f"{on[0]}, although it was switched off: do so by hand")

        with ending_signals_wait():
            _refuse(_failures(self.station, silence))
        self._begun = True

    def _was_driving(self, name: str) -> bool:
        return any(isinstance(one, Driving) for one in self.found[name])

    def misread(self, names: Iterable[str]) -> list[tuple[Instrument, Found]]:
        """The modes that make some of the instruments misread now, once their drivers have set them up."""
        looks = [(self.instruments[name], self.instruments[name].look(self._wired[name])) for name in names]
        return [(instrument, one) for instrument, found in looks for one in found if isinstance(one, Misreading)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def get(self, place: str, role: type[Role]) -> tuple[Role, str]:
        """(instrument, channel) of "name:channel".

        Raises:
            StationError: the instrument cannot do what it is wired for.
        """
        name, _, channel = place.partition(":")
        instrument = self.instruments[name]
        if not isinstance(instrument, role):
            raise StationError(
                f"{self.station.path}: {place}: {name} is a {type(instrument).__name__}, which is no {role.__name__}"
            )
        return instrument, channel

    def safe(self) -> list[InstrumentError]:
        """Make every instrument safe in the stated order; one that does not answer does not stop the others.

        Returns:
            What failed.
        """
        return _failures(self.station, lambda name: self.instruments[name].safe(self._wired[name]))

    def close(self) -> None:
        """Make the station safe and let go of the instruments; may be called twice.

        Raises:
            InstrumentError: an instrument could not be made safe; the others were.
        """
        with self._stack, ending_signals_wait():
            failed = self.safe() if self._safe_at_end and not self._closed else []
            self._closed = True
            _refuse(failed)


def make_safe(station: Station) -> None:
    """Make a station safe from its file alone, in its stated order. One that is not there does not stop the others.

    Raises:
        InstrumentError: names the instruments that could not be made safe; the others were.
    """
    wired = station.wired()

    def safe(name: str) -> None:
        instrument = _opened(station, name, station.settings.instrument[name].resource, must_lock=False)
        try:
            instrument.safe(wired[name])
            with suppress(InstrumentError):  # whatever it says: it is safe
                for one in instrument.look(wired[name]):
                    _log(name, one)
        finally:
            instrument.close()

    with ending_signals_wait():
        _refuse(_failures(station, safe))


def look_at(station: Station) -> Iterator[tuple[str, list[Found] | InstrumentError]]:
    """What each instrument was left with, or why it does not say; nothing is changed.

    One that another process uses, or that is not there, does not stop the others.
    """
    wired = station.wired()
    for name, table in station.settings.instrument.items():
        try:
            with closing(_opened(station, name, table.resource)) as instrument:
                yield name, instrument.look(wired[name])
        except InstrumentError as error:
            yield name, error


def _opened(station: Station, name: str, resource: str | None, *, must_lock: bool = True) -> Instrument:
    """An instrument, identified."""
    table, defaults, driver = station.settings.instrument[name], station.settings.defaults, station.drivers[name]
    if resource is None and driver.address:
        raise StationError(f"{station.path}: instrument.{name}.resource is missing: give its {driver.address}")
    timeout, folder = table.timeout_s or defaults.timeout_s, station.path.parent
    backend = "@py" if defaults.backend == "virtual" else _beside(folder, defaults.backend)
    setup = Setup(name, table, resource, backend, timeout, defaults.line_hz, must_lock, folder)
    try:
        return driver.connect(setup)
    except HwlearnError:
        raise
    except Exception as error:  # of whatever library a driver stands on
        raise InstrumentError(f"cannot be opened: {error}", name, resource or "") from error


def _beside(folder: Path, backend: str) -> str:
    """PyVISA's backend; a file that it names may stand in a folder."""
    file, _, kind = backend.rpartition("@")
    return f"{folder / file}@{kind}" if file and (folder / file).is_file() else backend


def _failures(station: Station, safe: Callable[[str], None]) -> list[InstrumentError]:
    """What failed when each instrument was made safe, in the stated order, those that it leaves out last.

    What fails is tried once more when all others are safe.
    """
    names = list(dict.fromkeys([*station.settings.safe.order, *station.settings.instrument]))
    failed: dict[str, InstrumentError] = {}
    for _ in range(2):
        failed = {}
        for name in names:
            try:
                safe(name)
            except BaseException as error:  # whatever a driver raises must not stop the others; signals wait meanwhile
                log.error("not safe: %s", error)
                failed[name] = error if isinstance(error, InstrumentError) else InstrumentError(str(error), name)
        names = list(failed)
    return list(failed.values())


def _log(name: str, found: Found, then: str = "") -> None:
    """Tell the user."""
    log.log(logging.INFO if isinstance(found, Noted) else logging.WARNING, "%s: %s%s", name, found, then)


def _refuse(failed: list[InstrumentError]) -> None:
    if failed:
        raise InstrumentError("NOT SAFE: " + "; ".join(map(str, failed)) + ". Switch its output off by hand")
