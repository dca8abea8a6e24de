"""`BenchModel`: the physical state of a virtual bench and what its instruments would see."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit, Drive, Hold, Inject
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.lab.virtual.ports import OPEN, PortDrive, operate
from hwlearn.network import Network

OVER_RANGE = 9.9e37
LEAK = 1e-12
"""Conductance [S] of an edge that is switched open."""


@dataclass(frozen=True)
class Wiring:
    """Which instrument channel, written "name:channel", touches what of the network.

    Attributes:
        sources: channel → name of the source that it is.
        series: channel → (output, Ω): a voltage channel that nudges the output through a resistor.
        meters: channel → output.
        nodes: channel → node that it reads against ground.
        sensed: channel → source channel whose voltage it reads.
        edges: channel → edge that it sets.
        grounds: sources that are hard-wired to 0 V.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    meters: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    sensed: Mapping[str, str] = field(default_factory=dict)
    edges: Mapping[str, str] = field(default_factory=dict)
    grounds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Imperfections:
    """What a real bench adds; zero is none. Same seed, same bench.

    Attributes:
        noise_v: standard deviation of a reading [V].
        lsb_v: step of a reading [V].
        offset_v: standard deviation of the channels' offsets [V].
        drift_v_per_s: largest drift of a channel [V/s].
        tau_s: time constant of settling [s].
        pot_tolerance: largest relative error of an edge's resistance (its series resistor excluded).
        pot_drift: largest relative change of an edge's resistance (its series resistor excluded) at each new code: it adds up,
            and no code shows it. Each edge has its own, which stays.
        dac_bits, dac_span_v: a source channel has 2**bits steps over ±span/2 [V].
        dmm_ohm: load of the scanned channel [Ω]; a thousand times that when its high impedance is on.
    """

    seed: int = 0
    noise_v: float = 0.0
    lsb_v: float = 0.0
    offset_v: float = 0.0
    drift_v_per_s: float = 0.0
    tau_s: float = 0.0
    pot_tolerance: float = 0.0
    pot_drift: float = 0.0
    dac_bits: int = 0
    dac_span_v: float = 0.0
    dmm_ohm: float = 0.0


PERFECT = Imperfections()


@dataclass
class _State:
    """A steady state: (N,) V, (n_out,) V and A, ports in compliance, (n_in,) A out of the sources."""

    nodes: Array
    voltages: Array
    currents: Array
    tripped: list[bool]
    given: Array


class BenchModel:
    """One network with its sources, meters and resistors. Solved again after each change, when somebody looks.

    Args:
        network: what the bench is wired as.
        wiring: which channel touches what.
        resistances: edge → (codes,) Ω by code, its series resistor included.
        series_ohm: edge → Ω of its series resistor.
        fixed: edge → Ω of a resistor that no channel sets; other edges have the network's conductance.
        imperfections: none by default.
        backend: "exact", or "ngspice" for networks with other elements.
    """

    def __init__(
        self,
        network: Network,
        wiring: Wiring,
        resistances: Mapping[str, Array],
        *,
        series_ohm: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
        imperfections: Imperfections = PERFECT,
        backend: str = "exact",
    ) -> None:
        self.network = network.with_ports(inputs=network.sources)
        self.wiring, self.imperfections = wiring, imperfections
        self._random = random = np.random.default_rng(imperfections.seed)
        self._edge = {name: k for k, name in enumerate(network.edge_names)}
        self._output = {name: k for k, name in enumerate(network.output_names)}
        self._source = {source.name: k for k, source in enumerate(self.network.inputs)}
        self._resistances, self._series = resistances, dict(series_ohm or {})
        self._error = 1 + imperfections.pot_tolerance * random.uniform(-1, 1, len(network.edges))
        self._creep = imperfections.pot_drift * np.random.default_rng((imperfections.seed, 1)).uniform(
            -1, 1, len(network.edges)
        )
        self._codes: dict[int, int] = {}
        self._channels = list(wiring.nodes) + list(wiring.sensed)
        self._offset = dict(
            zip(self._channels, imperfections.offset_v * random.standard_normal(len(self._channels)), strict=True)
        )
        self._drift = dict(
            zip(self._channels, imperfections.drift_v_per_s * random.uniform(-1, 1, len(self._channels)), strict=True)
        )
        self._conductances = np.array(network.conductances)
        for name, ohm in (fixed or {}).items():
            self._conductances[self._edge[name]] = 1 / ohm
        driven = set(wiring.sources.values())
        self._inputs = np.array(
            [0.0 if s.name in driven or s.name in wiring.grounds else s.value for s in self.network.inputs], dtype=np.float64
        )
        self._levels: dict[str, float] = {}
        self._drives = [OPEN] * len(network.outputs)
        self._frozen: set[int] = set()
        self._circuit = self._make(backend)
        self._programmed = False
        self._state: _State | None = None
        self._start = self._changed = time.monotonic()
        self._before = np.zeros(len(network.nodes))

    def _make(self, backend: str) -> Circuit:
        if backend == "exact":
            return ExactCircuit(self.network)
        from hwlearn.circuits.ngspice.circuit import NgspiceCircuit

        return NgspiceCircuit(self.network)

    def close(self) -> None:
        """Release the simulator."""
        self._circuit.close()

    # What the instruments set

    def set_source(self, place: str, volts: float, on: bool = True) -> None:
        """Set a source channel [V]; a channel that is off gives 0 V to an input and leaves a nudged output open."""
        self._touch()
        volts = self.quantized(volts)
        self._levels[place] = volts if on else 0.0
        if place in self.wiring.sources:
            self._inputs[self._source[self.wiring.sources[place]]] = volts if on else 0.0
        if place in self.wiring.series:
            output, ohm = self.wiring.series[place]
            self._drives[self._output[output]] = PortDrive("voltage", volts, series=ohm) if on else OPEN

    def quantized(self, volts: float) -> float:
        """What the source channels make of `volts` [V]."""
        bits, span = self.imperfections.dac_bits, self.imperfections.dac_span_v
        if not bits or not span:
            return volts
        step = span / 2**bits
        return min(max(round(volts / step) * step, -span / 2), span / 2)

    def set_meter(self, place: str, drive: PortDrive) -> None:
        """Set what a source meter's channel does to its output, or the current of the source that it is."""
        if place in self.wiring.sources:
            self._touch()
            k = self._source[self.wiring.sources[place]]
            self._inputs[k] = drive.level if drive.mode == self.network.inputs[k].kind else 0.0
        if place in self.wiring.meters:
            self._touch()
            self._drives[self._output[self.wiring.meters[place]]] = drive

    def set_code(self, place: str, code: int | None) -> None:
        """Set a resistor channel to a code; None switches it open."""
        if place not in self.wiring.edges:
            return
        name = self.wiring.edges[place]
        k = self._edge[name]
        if k in self._frozen:
            return
        self._touch()
        self._programmed = False
        if code is None:
            self._conductances[k] = LEAK
        else:
            if self._codes.setdefault(k, code) != code:
                self._error[k] *= 1 + self._creep[k]
                self._codes[k] = code
            self._conductances[k] = 1 / self.resistances(place)[code]

    def resistances(self, place: str) -> Array:
        """(codes,) Ω that a resistor channel truly has by now, its series resistor included."""
        name = self.wiring.edges[place]
        series = self._series.get(name, 0.0)
        return series + self._error[self._edge[name]] * (self._resistances[name] - series)

    def codes(self, place: str) -> int:
        """Number of codes of a resistor channel; 0 if it is wired to nothing."""
        return len(self._resistances[self.wiring.edges[place]]) if place in self.wiring.edges else 0

    def stick(self, edge: str) -> None:
        """From now on the edge keeps its conductance whatever is written."""
        self._frozen.add(self._edge[edge])

    def release(self, edge: str) -> None:
        """Undo `stick`; the edge follows the next code."""
        self._frozen.discard(self._edge[edge])

    @property
    def conductances(self) -> Array:
        """(E,) S: the true ones, a copy."""
        return self._conductances.copy()

    # What the instruments see

    def read(self, places: Sequence[str], *, limit: float = math.inf, high_z: bool = True) -> Array:
        """(channels,) V as the scanner reads them; `OVER_RANGE` beyond ±`limit` [V]; a channel wired to nothing reads 0 V."""
        made, now = self.imperfections, time.monotonic()
        nodes = self._now()
        load = made.dmm_ohm * (1e3 if high_z else 1.0)
        seen = self._node_resistance() if load else np.zeros(len(nodes))
        values = np.zeros(len(places))
        for k, place in enumerate(places):
            if place in self.wiring.nodes:
                at = self.network.node_index[self.wiring.nodes[place]]
                values[k] = nodes[at] / (1 + seen[at] / load) if load else nodes[at]
            elif place in self.wiring.sensed:
                values[k] = self._levels.get(self.wiring.sensed[place], 0.0)
            values[k] += self._offset.get(place, 0.0) + self._drift.get(place, 0.0) * (now - self._start)
        if made.noise_v:
            values += made.noise_v * self._random.standard_normal(len(places))
        if made.lsb_v:
            values = np.round(values / made.lsb_v) * made.lsb_v
        over = ~(np.abs(values) <= limit)
        values[over] = np.copysign(OVER_RANGE, values[over])
        return values

    def read_meter(self, place: str, drive: PortDrive) -> tuple[float, float, bool]:
        """(V, A, in compliance) at a source meter's channel; one that is wired to nothing sees an open circuit."""
        if place in self.wiring.sources:
            k, state = self._source[self.wiring.sources[place]], self._steady()
            source, nodes = self.network.inputs[k], dict(zip(self.network.nodes, state.nodes.tolist(), strict=True))
            volts, amperes = nodes.get(source.plus, 0.0) - nodes.get(source.minus, 0.0), float(state.given[k])
            return volts, amperes, abs(volts) > drive.v_limit if drive.mode == "current" else abs(amperes) > drive.i_limit
        if place not in self.wiring.meters:
            volts = math.copysign(drive.v_limit, drive.level) if drive.mode == "current" and drive.level else drive.level
            return volts, 0.0, drive.mode == "current" and drive.level != 0
        k = self._output[self.wiring.meters[place]]
        state = self._steady()
        return float(state.voltages[k]), float(state.currents[k]), state.tripped[k]

    # Physics

    def _touch(self) -> None:
        """Before a change: where the nodes are now is where they settle from."""
        if self.imperfections.tau_s:
            self._before = self._now()
            self._changed = time.monotonic()
        self._state = None

    def _now(self) -> Array:
        steady = self._steady().nodes
        if not self.imperfections.tau_s:
            return steady
        left = math.exp(-(time.monotonic() - self._changed) / self.imperfections.tau_s)
        return steady + left * (self._before - steady)

    def _steady(self) -> _State:
        if self._state is None:
            if not self._programmed:
                self._circuit.program(self._conductances)
                self._programmed = True
            self._state = self._plain() or self._mixed()
        return self._state

    def _plain(self) -> _State | None:
        """The state if all ports carry a stated current, or all hold a voltage, and no limit is passed."""
        drives = self._drives
        level = np.array([[drive.level for drive in drives]])
        if all(drive.mode == "current" for drive in drives):
            got = self._circuit.measure(Drive(self._inputs[None], Inject(level)))
        elif all(drive.mode == "voltage" and not drive.series for drive in drives):
            got = self._circuit.measure(Drive(self._inputs[None], Hold(level)))
        else:
            return None
        voltages, currents = got.output_voltages[0], got.output_currents[0]
        for drive, volts, amperes in zip(drives, voltages, currents, strict=True):
            bounded, limit = (volts, drive.v_limit) if drive.mode == "current" else (amperes, drive.i_limit)
            if abs(bounded) > limit:
                return None
        return _State(got.node_voltages[0], voltages, currents, [False] * len(drives), got.input_currents[0])

    def _mixed(self) -> _State:
        """Newton steps on the port currents; a linear network needs one."""
        count = len(self._drives)
        linear = self.network.linear
        currents, unit = np.zeros(count), 1.0 if linear else 1e-7
        for _ in range(1 if linear else 30):
            trial = currents + np.vstack((np.zeros((1, count)), unit * np.eye(count)))
            got = self._circuit.measure(Drive(np.repeat(self._inputs[None], count + 1, axis=0), Inject(trial))).output_voltages
            resistance = (got[1:] - got[0]).T / unit
            before = currents
            currents, tripped = operate(self._drives, got[0] - resistance @ currents, resistance)
            if np.abs(currents - before).max(initial=0.0) <= 1e-12 + 1e-9 * np.abs(currents).max(initial=0.0):
                break
        final = self._circuit.measure(Drive(self._inputs[None], Inject(currents[None])))
        return _State(final.node_voltages[0], final.output_voltages[0], currents, tripped, final.input_currents[0])

    def _node_resistance(self) -> Array:
        """(N,) Ω between each node and ground, voltage sources and held ports shorted; resistors only."""
        network, merging = self.network, self.network.merging
        nodes, size = len(network.nodes), merging.size
        into = np.zeros((size, nodes))
        free = np.flatnonzero(merging.cluster >= 0)
        into[merging.cluster[free], free] = 1.0
        merged = network.incidence @ into.T
        spread: NDArray[np.float64] = into.T @ np.linalg.solve(merged.T @ (merged * self._conductances[:, None]), into)
        state = self._steady()
        stiff = [(drive.mode == "voltage") != tripped for drive, tripped in zip(self._drives, state.tripped, strict=True)]
        if any(stiff):
            ends = network.port_incidence.toarray()[stiff]
            series = [drive.series for drive, held in zip(self._drives, stiff, strict=True) if held]
            spread_ends = spread @ ends.T
            spread = spread - spread_ends @ np.linalg.solve(ends @ spread_ends + np.diag(series), spread_ends.T)
        return np.diag(spread)
