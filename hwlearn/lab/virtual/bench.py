"""`VirtualBench`: the instruments of a station as SCPI servers on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import RegistryError, StationError
from hwlearn.lab.instruments.drivers import DRIVERS
from hwlearn.lab.instruments.drivers.keithley_2400 import Keithley2400
from hwlearn.lab.instruments.drivers.keithley_2450 import Keithley2450
from hwlearn.lab.instruments.drivers.keithley_2700 import Keithley2700
from hwlearn.lab.instruments.drivers.keithley_daq6510 import KeithleyDaq6510
from hwlearn.lab.instruments.drivers.keysight_34970a import Keysight34970A
from hwlearn.lab.instruments.drivers.keysight_34980a import Keysight34980A
from hwlearn.lab.instruments.drivers.keysight_b2900 import KeysightB2900
from hwlearn.lab.instruments.drivers.keysight_daq970a import KeysightDaq970A
from hwlearn.lab.instruments.drivers.qdac2 import Qdac2
from hwlearn.lab.instruments.drivers.scpi_adc import ScpiAdc
from hwlearn.lab.instruments.drivers.scpi_board import ScpiBoard
from hwlearn.lab.instruments.drivers.scpi_dac import ScpiDac
from hwlearn.lab.instruments.drivers.scpi_resistors import ScpiResistors
from hwlearn.lab.instruments.roles import Instrument
from hwlearn.lab.instruments.scpi.visa import ENDS
from hwlearn.lab.virtual.board import VirtualBoard
from hwlearn.lab.virtual.faults import FaultKind
from hwlearn.lab.virtual.imperfections import Imperfections
from hwlearn.lab.virtual.keithley_scanners import Virtual2700, VirtualDaq6510
from hwlearn.lab.virtual.model import BenchModel, Wiring
from hwlearn.lab.virtual.resistors import VirtualResistorBox
from hwlearn.lab.virtual.scanners import Virtual34970A, Virtual34980A, VirtualDaq970A
from hwlearn.lab.virtual.scpi import ScpiInstrument
from hwlearn.lab.virtual.serial import AVAILABLE, SerialPort
from hwlearn.lab.virtual.sourcemeters import Virtual2400, Virtual2450, VirtualB2900
from hwlearn.lab.virtual.sources import VirtualQdac2, VirtualScpiDac
from hwlearn.network import Edge, Network

if TYPE_CHECKING:
    from hwlearn.lab.station import Station

TWINS: dict[type[Instrument], type[ScpiInstrument]] = {
    Keysight34970A: Virtual34970A,
    Keysight34980A: Virtual34980A,
    KeysightDaq970A: VirtualDaq970A,
    Keithley2700: Virtual2700,
    KeithleyDaq6510: VirtualDaq6510,
    Keithley2400: Virtual2400,
    Keithley2450: Virtual2450,
    KeysightB2900: VirtualB2900,
    Qdac2: VirtualQdac2,
    ScpiBoard: VirtualBoard,
    ScpiAdc: VirtualBoard,
    ScpiDac: VirtualScpiDac,
    ScpiResistors: VirtualResistorBox,
}
"""Driver → its virtual instrument, which is that of drivers derived from it, too."""


class VirtualBench:
    """Servers on 127.0.0.1 that speak as the station's instruments and answer from a simulated network.

    An instrument whose resource in the station file is a serial port (ASRL…) is served on a pseudo-terminal instead, except
    on Windows, which has none. The bench starts when it is made and ends with `close`; a daemon thread with its own event loop
    serves.

    Args:
        network: what is wired on the bench.
        station: how it is wired, and its [virtual] imperfections.

    Attributes:
        resources: instrument → VISA resource name.
        model: the physical state; its `conductances` are the true ones.

    Raises:
        StationError: a driver that has no virtual instrument.
    """

    def __init__(self, network: Network, station: Station) -> None:
        settings = station.settings
        self.model = model_of(network, station)
        self.instruments: dict[str, ScpiInstrument] = {}
        self.resources: dict[str, str] = {}
        self._servers: list[asyncio.Server] = []
        self._lines: list[asyncio.Task[None]] = []
        self._serial = {
            name
            for name, table in settings.instrument.items()
            if (table.resource or "").upper().startswith("ASRL") and AVAILABLE
        }
        self._closed = False
        for name, driver in station.drivers.items():
            twin = _twin(name, driver, station)
            if twin is None:
                raise StationError(
                    f"{station.path}: instrument.{name}: {driver.__name__} has no virtual twin; those that have one are "
                    f"{', '.join(driver.__name__ for driver in TWINS)}"
                )
            self.instruments[name] = self._box(name) if twin is VirtualResistorBox else twin(name, self.model)
        for name, instrument in self.instruments.items():
            instrument.end = ENDS[settings.instrument[name].terminator].encode()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="virtual bench", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        except BaseException:
            self.close()
            raise

    def _box(self, name: str) -> VirtualResistorBox:
        places = [place for place in self.model.wiring.edges if place.partition(":")[0] == name]
        count = 1 + max((int(place.partition(":")[2]) for place in places), default=0)
        top = max((self.model.codes(place) for place in places), default=256) - 1
        return VirtualResistorBox(name, self.model, count, top)

    async def _start(self) -> None:
        for name, instrument in self.instruments.items():
            if name in self._serial:
                port = SerialPort()
                self._lines.append(await port.start(instrument))
                self.resources[name] = port.resource
                continue
            server = await asyncio.start_server(instrument.serve, "127.0.0.1", 0, limit=2**20)
            self._servers.append(server)
            self.resources[name] = f"TCPIP::127.0.0.1::{server.sockets[0].getsockname()[1]}::SOCKET"

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for instrument in self.instruments.values():
            await instrument.stop()
        await asyncio.gather(*self._lines)
        for server in self._servers:
            await server.wait_closed()

    def fault(self, instrument: str, kind: FaultKind, count: int = 1, *, edge: str = "") -> None:
        """Let an instrument fail, see `hwlearn.lab.virtual.faults`; "stuck" needs the edge, and a count of 0 frees it again.

        Raises:
            ValueError: no such instrument, fault or edge.
        """
        if instrument not in self.instruments:
            raise ValueError(f"no instrument {instrument!r}; there are {', '.join(self.instruments)}")
        if kind != "stuck":
            self.instruments[instrument].faults.add(kind, count)
        elif edge not in self.model.network.edge_names:
            raise ValueError(f"a stuck edge must be named: no edge {edge!r}")
        elif count:
            self.model.pots.stick(edge)
        else:
            self.model.pots.release(edge)

    def close(self) -> None:
        """End all connections, servers and the thread; may be called twice."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _twin(name: str, driver: type[Instrument], station: Station) -> type[ScpiInstrument] | None:
    """The virtual instrument of a driver; of one that is told what to do, that of the driver that its table names."""
    table = station.settings.instrument[name]
    lines = table.told
    if lines is not None:
        key = f"{station.path}: instrument.{name}.{table.driver}.twin"
        if lines.twin is None:
            raise StationError(f"{key} is missing: name the driver whose virtual instrument understands these lines")
        try:
            driver = DRIVERS.get(lines.twin)
        except RegistryError as error:
            raise StationError(f"{key}: {error}") from None
    return next((TWINS[base] for base in driver.__mro__ if base in TWINS), None)


def model_of(network: Network, station: Station) -> BenchModel:
    """The physical state of a station's bench."""
    settings = station.settings
    sources: dict[str, str] = {}
    series: dict[str, tuple[str, float]] = {}
    meters: dict[str, str] = {}
    nodes = {table.read: name for name, table in settings.node.items() if table.read != "estimate"}
    against = {table.read: table.against for table in settings.node.values() if table.against is not None}
    gains = {place: table.gain for place, table in settings.channel.items()}
    sensors = {t.read: (t.zero_v, t.volts_per_degree or 0.0) for t in settings.temperature.values() if t.read is not None}
    sensed: dict[str, str] = {}
    edges: dict[str, str] = {}
    grounds = set()
    drives = {name: table.drive for name, table in settings.input.items()}
    drives.update({name: table.drive for name, table in settings.source.items()})
    for name, drive in drives.items():
        if drive == "ground":
            grounds.add(name)
        elif drive != "external":
            sources[drive] = name
    for name, output in settings.output.items():
        nudge = output.nudge
        if isinstance(nudge, str):
            meters[nudge] = name
        elif nudge is not None:
            series[nudge.drive] = (name, nudge.series_ohm)
            sensed[nudge.read] = nudge.drive
    resistances, extra, fixed = {}, {}, {}
    gates: dict[str, str] = {}
    for name, edge in settings.edge.items():
        if edge.gate is not None:
            gates[edge.gate.drive] = name
            continue
        if edge.set is None:
            fixed[name] = edge.fixed_ohm
            continue
        edges[edge.set] = name
        extra[name] = edge.series_ohm
        resistances[name] = _physical(station.tables[name].conductances)
    given = settings.virtual
    shunts = {name: table.shunt for name, table in settings.input.items() if table.shunt is not None}
    network = _with_shunts(network, {name: shunt.ohm for name, shunt in shunts.items()})
    for name, shunt in shunts.items():
        nodes[shunt.read], against[shunt.read] = _shunt(name), _behind(name, network)
        fixed[_shunt(name)] = shunt.ohm
    return BenchModel(
        network,
        Wiring(sources, series, meters, nodes, sensed, edges, frozenset(grounds), against, gains, sensors, gates),
        resistances,
        series_ohm=extra,
        fixed={name: ohm for name, ohm in fixed.items() if ohm is not None},
        imperfections=Imperfections(**{field.name: getattr(given, field.name) for field in fields(Imperfections)}),
        backend=given.backend,
    )


def _shunt(source: str) -> str:
    """The name of a shunt as an edge, and of the node before it."""
    return f"shunt of {source}"


def _behind(source: str, network: Network) -> str:
    """The node behind a shunt."""
    return next(edge.head for edge in network.edges if edge.name == _shunt(source))


def _with_shunts(network: Network, ohms: Mapping[str, float]) -> Network:
    """The network with a resistor [Ω] between some inputs and their plus nodes, as the last edges."""
    shunts = [Edge(_shunt(s.name), s.plus, _shunt(s.name)) for s in network.inputs if s.name in ohms]
    siemens = np.array([1 / ohms[s.name] for s in network.inputs if s.name in ohms])
    return replace(
        network,
        nodes=(*network.nodes, *(edge.tail for edge in shunts)),
        edges=(*network.edges, *shunts),
        conductances=np.append(network.conductances, siemens),
        trainable=np.append(network.trainable, np.zeros(len(shunts), dtype=bool)),
        lower=np.append(network.lower, siemens),
        upper=np.append(network.upper, siemens),
        inputs=tuple(replace(s, plus=_shunt(s.name)) if s.name in ohms else s for s in network.inputs),
    )


def _physical(conductances: Array) -> Array:
    """(codes,) Ω: 1 mΩ for a code of no resistance, and the nearest measured value for a code that was not measured."""
    codes = np.arange(len(conductances))
    known = ~np.isnan(conductances)
    filled = np.interp(codes, codes[known], 1 / conductances[known])
    return np.maximum(filled, 1e-3)
