"""`Connection`: the instruments of a station, found, identified, and left safe."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeVar

from hwlearn.bench.signals import ending_signals_raise
from hwlearn.errors import InstrumentError, StationError
from hwlearn.instruments.drivers import DRIVERS
from hwlearn.instruments.roles import Instrument
from hwlearn.instruments.session import Session
from hwlearn.network import Network
from hwlearn.station import Station

log = logging.getLogger(__name__)

Role = TypeVar("Role", bound=Instrument)


class Connection:
    """Sessions to all instruments of a station. Connecting asks who they are and changes no output.

    With `backend = "virtual"` the virtual bench is started here and ends with the connection. Until `close`, SIGTERM and
    SIGHUP raise SystemExit in the main thread, so that every way out but SIGKILL ends in the safe state.

    Args:
        station: a checked station.
        network: what the virtual bench simulates; needed for that only.
        safe_at_end: make the station safe on closing, in its stated order.

    Raises:
        InstrumentError: an instrument is not there, or is another one than the station says.
    """

    def __init__(self, station: Station, network: Network | None = None, *, safe_at_end: bool = True) -> None:
        self.station, self._safe_at_end = station, safe_at_end
        self.instruments: dict[str, Instrument] = {}
        self._channels = station.channels()
        defaults = station.settings.defaults
        resources = {name: table.resource for name, table in station.settings.instrument.items()}
        with ExitStack() as stack:
            if defaults.backend == "virtual":
                from hwlearn.virtual import VirtualBench

                if network is None:
                    raise StationError(f"{station.path}: a virtual bench needs the network that it shall simulate")
                virtual = stack.enter_context(VirtualBench(network, station))
                resources.update(virtual.resources)
                self.virtual: VirtualBench | None = virtual
            else:
                self.virtual = None
            for name, table in station.settings.instrument.items():
                resource = resources[name]
                if resource is None:
                    raise StationError(f"{station.path}: instrument.{name}.resource is missing: give its VISA resource name")
                session = Session(
                    resource,
                    name=name,
                    idn=table.idn,
                    backend="@py" if defaults.backend == "virtual" else defaults.backend,
                    timeout=defaults.timeout_s,
                    open_delay=table.open_delay_s,
                )
                stack.callback(session.close)
                self.instruments[name] = DRIVERS[table.driver](session)
            stack.enter_context(ending_signals_raise())
            self._stack = stack.pop_all()

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
        failed = []
        stated = self.station.settings.safe.order
        for name in [*stated, *(name for name in self.instruments if name not in stated)]:
            if name not in self.instruments:
                continue
            try:
                self.instruments[name].safe(self._channels[name])
            except InstrumentError as error:
                log.error("not safe: %s", error)
                failed.append(error)
        return failed

    def close(self) -> None:
        """Make the station safe and let go of the instruments; may be called twice.

        Raises:
            InstrumentError: an instrument could not be made safe; the others were.
        """
        with self._stack:
            failed = self.safe() if self._safe_at_end and self.instruments else []
            self.instruments = {}
        if failed:
            raise InstrumentError("NOT SAFE: " + "; ".join(map(str, failed)) + ". Switch its output off by hand")
