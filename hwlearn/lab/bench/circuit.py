"""`BenchCircuit`: a network on the lab bench."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.drive import Hold, Inject, Outputs
from hwlearn.circuits.measurement import Measurement
from hwlearn.errors import InstrumentError, ModelError
from hwlearn.lab.bench.connection import Connection
from hwlearn.lab.bench.currents import InputCurrents
from hwlearn.lab.bench.devices import Devices
from hwlearn.lab.bench.drift import Drift, Phase
from hwlearn.lab.bench.feeds import Feeds
from hwlearn.lab.bench.limits import check_limits
from hwlearn.lab.bench.nudge import ROUNDS, MeterNudge, Nudge, SeriesNudge
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.precision import BenchMeasurement, Repeats
from hwlearn.lab.bench.readback import IMPOSED, IMPOSED_FLOOR, compare_nudges, floor_volts
from hwlearn.lab.bench.verify import Verifier
from hwlearn.lab.instruments.roles import Scanner, Source, SourceMeter
from hwlearn.lab.station import Station, load_station
from hwlearn.lab.station.settings import Measure
from hwlearn.network import Network

TRIES = 3
"""A phase in which a connection failed is made again, so often in all."""


class BenchCircuit(Circuit):
    """A network of resistor boxes, driven, nudged and scanned by the instruments of a station.

    Conductances are those of the code tables: `program` takes the nearest code of each edge and returns what it realises. Node
    voltages are read against ground, inputs included; the outputs are differences of such readings. Currents of outputs are
    the source meters' readings, currents of voltage inputs follow from Kirchhoff's law and the code tables.

    Connecting changes no output: codes and sources are written by the first `program` or `measure`. Every way out but SIGKILL
    leaves the station safe, in its stated order; after an error the circuit is safe at once and closed.

    A phase in which a connection failed is made again, from the ranges and codes up. With `verify`, one sample of the phase
    before is read again after each nudged phase: more than drift and noise is an error; so are sources that do not read as
    they were set, and resistors that do not follow their codes, as far as the readings show it, see `Verifier`.

    Attributes:
        read_nodes: indices of the nodes that are read.
        channels: what a scan reads: a channel, as in "daq:101", for each of `read_nodes`, then those behind resistors.

    Args:
        network: what is wired up.
        station: the station, or its file.
        verify: refuse what the readings contradict. Without it for who looks for faults, and wants to see them.

    Raises:
        ModelError: the network has edges that are no resistors.
        StationError: the station does not fit the network.
        InstrumentError: an instrument is missing or is not the one that the station names.
    """

    name = "bench"

    def __init__(self, network: Network, station: Station | str | PathLike[str], *, verify: bool = True) -> None:
        super().__init__(network)
        if network.devices:
            device = network.devices[0]
            raise ModelError(f"a bench sets resistors, not the {device.set_by.name} of {device.word} {device.edge}")
        self.station = station if isinstance(station, Station) else load_station(station)
        self.station.check(network)
        self.noise = math.nan  # of one reading, from the repeats of the last phase [V]
        self._settings = self.station.settings
        self._devices = Devices(network, self.station)
        self._conductances = self._devices.conductances
        self._conductances.setflags(write=False)
        self._wire()
        self._configured: dict[str, int] | None = None  # recoveries of each instrument when it was
        measure = self._settings.measure
        self._settle, self._repeats = measure.settle_s, _repeats(measure)
        self.connection = Connection(self.station, network)
        try:
            self._find()
            self._checks = self._make_checks() if verify else None
        except BaseException:
            self.connection.close()
            raise

    # Wiring

    def _wire(self) -> None:
        """What the station says of nodes and sources, by index."""
        network, settings = self.network, self._settings
        self.read_nodes = [k for k, name in enumerate(network.nodes) if name in settings.node]
        self._signs = network.port_incidence.toarray()
        self._entering = network.source_incidence.toarray().T
        self._input_currents = InputCurrents(network)

    def _find(self) -> None:
        """The instruments behind the wiring."""
        get, settings = self.connection.get, self._settings
        scanned: dict[Scanner, list[str]] = defaultdict(list)
        self._readings: list[tuple[Scanner, int]] = []
        for k in self.read_nodes:
            scanner, channel = get(settings.node[self.network.nodes[k]].read, Scanner)
            self._readings.append((scanner, len(scanned[scanner])))
            scanned[scanner].append(channel)
        inputs, fixed = self.network.inputs, self.network.fixed_sources
        self._inputs = Feeds(self.connection, inputs, [settings.input[source.name].drive for source in inputs])
        driven = [source for source in fixed if ":" in settings.source[source.name].drive]
        self._constant = Feeds(self.connection, driven, [settings.source[source.name].drive for source in driven])
        self._constants = np.array([source.value for source in driven])
        self._driven = np.array([fixed.index(source) for source in driven], dtype=np.intp)
        self._nudges = [self._nudge_of(name, scanned) for name in self.network.output_names]
        self._scanned = dict(scanned)
        starts = dict(zip(scanned, np.cumsum([0, *map(len, scanned.values())]).tolist(), strict=False))
        self._places = np.array([starts[scanner] + at for scanner, at in self._readings], dtype=np.intp)
        self.channels = [f"{scanner.name}:{self._scanned[scanner][at]}" for scanner, at in self._readings]
        self._offsets = np.array([self.station.offsets.get(place, 0.0) for place in self.channels])
        self._devices.find(self.connection)

    def _make_checks(self) -> tuple[Drift, Verifier]:
        measure, edges = self._settings.measure, self._settings.edge
        places = [self.place(node) for node in self.read_nodes]
        readers = [scanner.name for scanner, _ in self._readings]
        boxes = [edges[name].set or "" for name in self.network.edge_names]
        drift = measure.drift_max / measure.verify_sigma
        return (
            Drift(places, readers, most=measure.drift_max, sigmas=measure.verify_sigma),
            Verifier(self.network, self.read_nodes, boxes, offset=measure.offset_max, drift=drift),
        )

    def place(self, node: int) -> str:
        """A read node by its channel and name, as in "daq:101 (n12)"."""
        name = self.network.nodes[node]
        return f"{self._settings.node[name].read} ({name})"

    @property
    def repeats(self) -> int:
        """Readings per channel and sample that the next phase averages."""
        return self._repeats.number

    @property
    def probe_volts(self) -> float:
        """A voltage that every limit allows at an input [V]."""
        return 0.5 * self._settings.limits.v_node_max

    @property
    def external_supplies(self) -> tuple[str, ...]:
        """Names of the sources that are on and that the station cannot switch to zero."""
        given = self._settings.source
        return tuple(s.name for s in self.network.fixed_sources if given[s.name].drive == "external" and s.value)

    @property
    def codes(self) -> NDArray[np.intp]:
        """(E,) code of each edge, a copy; −1 at fixed resistors."""
        return self._devices.codes.copy()

    @property
    def writes(self) -> NDArray[np.intp]:
        """(E,) how often each edge's code was changed, for devices that wear; a copy."""
        return self._devices.writes.copy()

    def provenance(self) -> dict[str, Any]:
        sessions = self.connection.sessions.items()
        return {
            "backend": self.name,
            "station": self._settings.name,
            "wiring": self.station.wiring_hash(self.network),
            "noise": self.noise if math.isfinite(self.noise) else None,
            "codes": self.codes.tolist(),
            "writes": self.writes.tolist(),
            "instruments": {
                name: {
                    "identity": session.identity,
                    "round_trips": session.round_trips,
                    "recoveries": session.recoveries,
                    "seconds": session.seconds,
                }
                for name, session in sessions
            },
        }

    def snapshot(self) -> dict[str, Array]:
        return self._devices.snapshot()

    def restore(self, snapshot: Mapping[str, Array]) -> None:
        self._devices.restore(snapshot)

    @contextmanager
    def reading(self, settle: float, repeats: int) -> Iterator[None]:
        """Inside, wait `settle` [s] after each change and average `repeats` readings, whatever the station file says."""
        before = self._settle, self._repeats
        self._settle, self._repeats = settle, Repeats(repeats)
        try:
            yield
        finally:
            self._settle, self._repeats = before

    def read_at_rest(self, count: int) -> Array:
        """(count, channels) V: single readings of `channels` with every source at zero, less the known offsets.

        Sources that the station calls external stay as they are.
        """
        self._check_open()
        with self._safe_on_error():
            self._prepare()
            self._constant.set(np.zeros(len(self._constants)))
            self._inputs.set(np.zeros(len(self.network.inputs)))
            for nudge in self._nudges:
                if nudge is not None:
                    nudge.rest()
            self._wait()
            scans = self._scans(0, count)
            self._constant.set(self._constants)
        return scans

    def _nudge_of(self, output: str, scanned: dict[Scanner, list[str]]) -> Nudge | None:
        """What nudges an output; adds the channel that reads a source behind a resistor to the scan."""
        table, limits = self._settings.output.get(output), self._settings.limits
        if table is None:
            return None
        if isinstance(table.nudge, str):
            return MeterNudge(output, *self.connection.get(table.nudge, SourceMeter))
        source, channel = self.connection.get(table.nudge.drive, Source)
        scanner, read = self.connection.get(table.nudge.read, Scanner)
        self._readings.append((scanner, len(scanned[scanner])))
        scanned[scanner].append(read)
        return SeriesNudge(
            output,
            source,
            channel,
            ohm=table.nudge.series_ohm,
            most=limits.v_compliance,
            node=self.read_nodes.index(self.network.node_index[output]),
            driven=len(self._readings) - 1,
            tolerance=table.nudge.tolerance_v,
        )

    # Conductances

    @property
    def bounds(self) -> tuple[Array, Array]:
        """(lower, upper), (E,) S each: the outermost codes within the network's bounds."""
        return self._devices.bounds

    def _program(self, conductances: Array) -> Array:
        self._devices.choose(conductances)
        with self._safe_on_error():
            self._devices.write()
        return self._devices.conductances

    # Phases

    def _prepare(self) -> None:
        """Before the first phase, and after an instrument was lost and found: ranges, limits, codes, fixed sources."""
        recoveries = self._recoveries()
        if self._configured == recoveries:
            return
        measure, limits = self._settings.measure, self._settings.limits
        self._devices.watch()
        self._devices.write(again=self._configured is not None)
        for scanner, channels in self._scanned.items():
            scanner.line_hz = self._settings.defaults.line_hz
            scanner.configure(channels, volts=measure.range_v, nplc=measure.nplc, high_z=measure.high_z)
        for nudge in self._nudges:
            if isinstance(nudge, MeterNudge):
                nudge.meter.configure(
                    nudge.channel, v_limit=limits.v_compliance, i_limit=limits.i_compliance, nplc=measure.nplc
                )
        for feeds in (self._constant, self._inputs):
            for _, meter, channel in feeds.meters:
                meter.configure(channel, v_limit=limits.v_compliance, i_limit=limits.i_compliance, nplc=measure.nplc)
        self._constant.set(self._constants)
        self._configured = recoveries

    def _lost(self, before: dict[str, int]) -> bool:
        """After an error: has an instrument been lost and found since then, and is perhaps the cause? Asks all of them."""
        for instrument in self.connection.instruments.values():
            with suppress(InstrumentError):
                instrument.session.ask("*OPC?")
        return before != self._recoveries()

    def _recoveries(self) -> dict[str, int]:
        return {name: instrument.session.recoveries for name, instrument in self.connection.instruments.items()}

    def _measure(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        check_limits(self.station, self.network, self._nudges, inputs, outputs, imposed)
        with self._safe_on_error():
            return self._phase(inputs, outputs, imposed)

    def _phase(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> Measurement:
        """A phase in which no connection failed: what comes after a failure may be an instrument that was switched off."""
        said = ""
        for _ in range(TRIES):
            before = self._recoveries()
            try:
                self._prepare()
                measurement = self._read_phase(inputs, outputs, imposed)
                self._repeat(inputs, imposed)
            except InstrumentError as error:
                if not self._lost(before):
                    raise
                said = f"; at last: {error}"
            now = self._recoveries()
            if now == before:
                self._check(measurement, inputs, outputs, imposed)
                return measurement
        failed = ", ".join(name for name in now if now[name] != before[name])
        raise InstrumentError(f"the connection failed in each of {TRIES} tries of a phase; check its cable{said}", failed)

    def _repeat(self, inputs: Array, imposed: Array | None) -> None:
        """Read a sample of the phase before a nudged one once more."""
        due = self._checks[0].due(self._devices.codes, inputs, imposed) if self._checks else None
        if due and self._checks:
            phase, sample = due
            self._set(phase.inputs[sample], phase.outputs, phase.imposed_in(sample), sample)
            self._checks[0].compare(phase, sample, self._scans(sample, 1)[0, : len(self.read_nodes)])

    def _check(self, measurement: BenchMeasurement, inputs: Array, outputs: Outputs, imposed: Array | None) -> None:
        """Learn from a phase what the next ones must be."""
        if self._checks:
            drift, verifier = self._checks
            read = measurement.voltages[:, self.read_nodes]
            drift.last = Phase(self._devices.codes, inputs, outputs, imposed, read, self.noise, self._repeats.number)
            injected = measurement.output_currents @ self._signs
            verifier.compare(self._conductances, injected, measurement.voltages, measurement.noise)

    def _set(self, inputs: Array, outputs: Outputs, imposed: Array | None, sample: int) -> None:
        """Drive one sample, (n_in,) and (n_out,), and wait until it has settled."""
        self._inputs.set(inputs)
        self._nudge(outputs, imposed)
        self._wait()
        self._balance(sample)

    def _read_phase(self, inputs: Array, outputs: Outputs, imposed: Array | None) -> BenchMeasurement:
        order, repeats = self._settings.measure.order, self._repeats.number
        count, size = len(inputs), len(self.read_nodes)
        readings, taken = np.empty((count, repeats, size)), [0] * count
        currents: list[list[Array]] = [[] for _ in range(count)]
        for sample, number in visits(count, repeats, order):
            self._set(inputs[sample], outputs, None if imposed is None else imposed[sample], sample)
            scans = self._scans(sample, number)
            readings[sample, taken[sample] : taken[sample] + number] = scans[:, :size]
            taken[sample] += number
            self._inputs.check()
            currents[sample].append(self._port_currents(outputs, scans))
        self._devices.compare()
        mean = readings.mean(axis=1)
        if repeats > 1 and size:
            squares = float(((readings - mean[:, None]) ** 2).sum())
            self.noise = math.sqrt(squares / (size * count * (repeats - 1)))
        voltages = np.zeros((count, len(self.network.nodes)))
        voltages[:, self.read_nodes] = mean
        noise = self.noise / math.sqrt(repeats) if repeats > 1 else math.nan
        port_currents = np.array([sum(values) / len(values) for values in currents])
        measure, limits = self._settings.measure, self._settings.limits
        if isinstance(outputs, Hold):
            compare_nudges(self._nudges, imposed, voltages @ self._signs.T, "V", floor_volts(measure))
        elif isinstance(outputs, Inject):
            compare_nudges(self._nudges, imposed, port_currents, "A", IMPOSED_FLOOR * limits.i_nudge_max)
        if self._checks:
            read, driven = voltages @ self._entering, len(inputs[0])
            self._inputs.compare(inputs, read[:, :driven], IMPOSED, floor_volts(measure))
            constants = np.broadcast_to(self._constants, (count, len(self._constants)))
            self._constant.compare(constants, read[:, driven + self._driven], IMPOSED, floor_volts(measure))
        return BenchMeasurement(
            self.network,
            self._conductances,
            voltages,
            voltages @ self._signs.T,
            port_currents,
            self._input_currents(self._conductances, inputs, voltages, port_currents),
            noise,
            f"bench {self._settings.name}",
            self._repeats,
        )

    def _nudge(self, outputs: Outputs, imposed: Array | None) -> None:
        for k, nudge in enumerate(self._nudges):
            if nudge is None:
                continue
            if isinstance(outputs, Hold) and imposed is not None:
                nudge.hold(float(imposed[k]))
            else:
                nudge.inject(0.0 if imposed is None else float(imposed[k]))

    def _balance(self, sample: int) -> None:
        """Correct the sources behind resistors until their currents are right."""
        series = [nudge for nudge in self._nudges if isinstance(nudge, SeriesNudge)]
        for _ in range(ROUNDS if series else 0):
            scan = self._scans(sample, 1)
            if not any([nudge.correct(scan) for nudge in series]):
                return
            self._wait()
        if series:
            raise InstrumentError(
                f"output {series[0].output}: the current is not right after {ROUNDS} corrections; is the series resistor what "
                "the station file says, and the node settled?",
                series[0].source.name,
            )

    def _wait(self) -> None:
        if self._settle:
            time.sleep(self._settle)

    def _scans(self, sample: int, number: int) -> Array:
        """(number, read nodes, then sources behind resistors) V, as many scans of all, less the calibrated offsets."""
        values = np.hstack([scanner.scan(number) for scanner in self._scanned])[:, self._places]
        most = self._settings.measure.max_abs_v
        if not np.abs(values).max() <= most:
            row, bad = np.argwhere(~(np.abs(values) <= most))[0].tolist()
            scanner, at = self._readings[bad]
            node = self.network.nodes[self.read_nodes[bad]] if bad < len(self.read_nodes) else "behind a resistor"
            raise InstrumentError(
                f"channel {self._scanned[scanner][at]} (node {node}) read {values[row, bad]:g} V in sample {sample}, beyond "
                f"measure.max_abs_v = {most:g} V; it is not used: check the wiring and range_v",
                scanner.name,
            )
        return values - self._offsets

    def _port_currents(self, outputs: Outputs, readings: Array) -> Array:
        """(n_out,) A as measured; zero at open ports."""
        currents = np.zeros(len(self._nudges))
        if isinstance(outputs, Hold | Inject):
            for k, nudge in enumerate(self._nudges):
                assert nudge is not None
                currents[k] = nudge.current(readings)
        return currents

    @contextmanager
    def _safe_on_error(self) -> Iterator[None]:
        """Whatever goes wrong inside leaves the station safe at once, and the circuit closed."""
        try:
            yield
        except BaseException as error:
            try:
                self.close()
            except InstrumentError as unsafe:
                error.add_note(str(unsafe))
                if isinstance(error, InstrumentError):
                    raise InstrumentError(f"{error}; {unsafe}") from error
            raise

    def _close(self) -> None:
        self.connection.close()


def _repeats(measure: Measure) -> Repeats:
    if measure.repeats == "auto":
        return Repeats(2, measure.gradient_error, measure.most_repeats)
    return Repeats(measure.repeats)
