"""`BenchModel`: the physical state of a virtual bench and what its instruments would see."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hwlearn.arrays import Array
from hwlearn.lab.virtual.imperfections import PERFECT, Channels, Imperfections, quantised
from hwlearn.lab.virtual.ports import OPEN, PortDrive
from hwlearn.lab.virtual.pots import Pots
from hwlearn.lab.virtual.steady import SteadyState
from hwlearn.network import Network
from hwlearn.text import GROUND

OVER_RANGE = 9.9e37
ROOM_CELSIUS = 23.0

LeadFault = Literal["exchanged", "sense open", "off between readings"]
"""What can be wrong with a channel's two leads: exchanged; four-wire sensing with nothing at the sense leads; or, as after
`:SOUR:CLE:AUTO ON`, an output that is on only while the source meter measures."""


@dataclass(frozen=True)
class Wiring:
    """Which instrument channel, written "name:channel", touches what of the network.

    Attributes:
        sources: channel → name of the source that it is.
        series: channel → (output, Ω): a voltage channel that nudges the output through a resistor.
        meters: channel → output.
        nodes: channel → node that it reads, against ground or against another one: `against`, channel → node.
        gates: channel → transistor whose gate it is.
        sensors: channel → (V at 0 °C, V/°C) of a sensor of temperature.
        gains: channel → what it shows of a voltage, as behind an amplifier; others show it as it is.
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
    against: Mapping[str, str] = field(default_factory=dict)
    gains: Mapping[str, float] = field(default_factory=dict)
    sensors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)


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

    Attributes:
        pots: the resistors, as they truly are. channels: what the scanner's channels add. levels: channel → V that it makes.
        leads: channel → what is wrong with its leads; heeded when the channel is set.
        changing: called before each change, while the bench is as it was.
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
        random = np.random.default_rng(imperfections.seed)
        self.pots = Pots(network, resistances, series_ohm or {}, fixed or {}, imperfections, random)
        self.channels = Channels([*wiring.nodes, *wiring.sensed, *wiring.sensors], imperfections, random)
        self._output = {name: k for k, name in enumerate(network.output_names)}
        self._source = {source.name: k for k, source in enumerate(self.network.inputs)}
        driven = set(wiring.sources.values()) | wiring.grounds
        inputs = [0.0 if s.name in driven else s.value for s in self.network.inputs]
        self._steady = SteadyState(self.network, np.array(inputs, dtype=np.float64), backend)
        self.levels: dict[str, float] = {}
        self.leads: dict[str, LeadFault] = {}
        self.changing: Callable[[], object] = lambda: None
        self._start = self._changed = time.monotonic()
        self._before = np.zeros(len(network.nodes))

    def close(self) -> None:
        """Release the simulator."""
        self._steady.close()

    # What the instruments set

    def set_source(self, place: str, volts: float, on: bool = True) -> None:
        """Set a source channel [V]; a channel that is off gives 0 V to an input and leaves a nudged output open."""
        self._touch()
        volts = quantised(volts, self.imperfections) * self._way(place)
        self.levels[place] = volts if on else 0.0
        if place in self.wiring.sources:
            self._steady.inputs[self._source[self.wiring.sources[place]]] = volts if on else 0.0
        if place in self.wiring.gates:
            self.pots.gate(self.wiring.gates[place], volts if on else 0.0)
        if place in self.wiring.series:
            output, ohm = self.wiring.series[place]
            self._steady.drives[self._output[output]] = PortDrive("voltage", volts, series=ohm) if on else OPEN

    def set_meter(self, place: str, drive: PortDrive) -> None:
        """Set what a source meter's channel does to its output, or what it makes of the source that it is."""
        drive = replace(drive, level=drive.level * self._way(place))
        self._connect(place, OPEN if self.leads.get(place) == "off between readings" else drive)

    def _connect(self, place: str, drive: PortDrive) -> None:
        if place in self.wiring.sources:
            self._touch()
            k = self._source[self.wiring.sources[place]]
            self._steady.inputs[k] = drive.level if drive.mode == self.network.inputs[k].kind else 0.0
        if place in self.wiring.meters:
            self._touch()
            self._steady.drives[self._output[self.wiring.meters[place]]] = drive

    def set_code(self, place: str, code: int | None) -> None:
        """Set a resistor channel to a code; None switches it open."""
        if place not in self.wiring.edges:
            return
        edge = self.wiring.edges[place]
        if not self.pots.is_stuck(edge):
            self._touch()
            self.pots.set(edge, code)

    def codes(self, place: str) -> int:
        """Number of codes of a resistor channel; 0 if it is wired to nothing."""
        return len(self.pots.tables[self.wiring.edges[place]]) if place in self.wiring.edges else 0

    @property
    def celsius(self) -> float:
        """How warm it is [°C]."""
        return ROOM_CELSIUS + self.imperfections.warming_c_per_s * (time.monotonic() - self._start)

    @property
    def power(self) -> float:
        """W that all sources give now, Σ V·I, once settled."""
        state, network = self._steady.at(self.pots.conductances), self.network
        nodes = dict(zip(network.nodes, state.nodes.tolist(), strict=True))
        power = float(state.voltages @ state.currents)
        for source, amperes in zip(network.inputs, state.given.tolist(), strict=True):
            power += (nodes.get(source.plus, 0.0) - nodes.get(source.minus, 0.0)) * amperes
        return power

    @property
    def conductances(self) -> Array:
        """(E,) S: the true ones, a copy."""
        return self.pots.conductances.copy()

    # What the instruments see

    def read(self, places: Sequence[str], *, limit: float = math.inf, high_z: bool = True) -> Array:
        """(channels,) V as the scanner reads them; `OVER_RANGE` beyond ±`limit` [V]; a channel wired to nothing reads 0 V."""
        nodes, load = self._now(), self.imperfections.dmm_ohm * (1e3 if high_z else 1.0)
        seen = self._steady.resistance(self.pots.conductances) if load else np.empty(0)
        values = np.zeros(len(places))
        for k, place in enumerate(places):
            if place in self.wiring.nodes:
                signs = self._signs(place)
                values[k] = signs @ nodes / (1 + signs @ seen @ signs / load) if load else signs @ nodes
            elif place in self.wiring.sensed:
                values[k] = self.levels.get(self.wiring.sensed[place], 0.0)
            elif place in self.wiring.sensors:
                zero, slope = self.wiring.sensors[place]
                values[k] = zero + slope * self.celsius
            values[k] *= self.wiring.gains.get(place, 1.0)
        values = self.channels.read(places, values, time.monotonic() - self._start)
        over = ~(np.abs(values) <= limit)
        values[over] = np.copysign(OVER_RANGE, values[over])
        return values

    def _signs(self, place: str) -> Array:
        """(N,) of the nodes between which a channel reads."""
        signs = np.zeros(len(self.network.nodes))
        for node, sign in ((self.wiring.nodes[place], 1.0), (self.wiring.against.get(place, GROUND), -1.0)):
            if node in self.network.node_index:
                signs[self.network.node_index[node]] += sign
        return signs

    def read_meter(self, place: str, drive: PortDrive) -> tuple[float, float, bool]:
        """(V, A, in compliance) at a source meter's channel; one that is wired to nothing sees an open circuit."""
        fault, way = self.leads.get(place), self._way(place)
        if fault == "off between readings":
            self._connect(place, drive)
        volts, amperes, tripped = self._at_leads(place, replace(drive, level=drive.level * way))
        if fault == "off between readings":
            self._connect(place, OPEN)
        return 0.0 if fault == "sense open" else volts * way, amperes * way, tripped

    def _way(self, place: str) -> int:
        """−1 for exchanged leads."""
        return -1 if self.leads.get(place) == "exchanged" else 1

    def _at_leads(self, place: str, drive: PortDrive) -> tuple[float, float, bool]:
        if place in self.wiring.sources:
            k, state = self._source[self.wiring.sources[place]], self._steady.at(self.pots.conductances)
            source, nodes = self.network.inputs[k], dict(zip(self.network.nodes, state.nodes.tolist(), strict=True))
            volts, amperes = nodes.get(source.plus, 0.0) - nodes.get(source.minus, 0.0), float(state.given[k])
            return volts, amperes, abs(volts) > drive.v_limit if drive.mode == "current" else abs(amperes) > drive.i_limit
        if place not in self.wiring.meters:
            volts = math.copysign(drive.v_limit, drive.level) if drive.mode == "current" and drive.level else drive.level
            return volts, 0.0, drive.mode == "current" and drive.level != 0
        k = self._output[self.wiring.meters[place]]
        state = self._steady.at(self.pots.conductances)
        return float(state.voltages[k]), float(state.currents[k]), state.tripped[k]

    # Physics

    def _touch(self) -> None:
        """Before a change: where the nodes are now is where they settle from."""
        self.changing()
        if self.imperfections.tau_s:
            self._before = self._now()
            self._changed = time.monotonic()
        self._steady.changed()

    def _now(self) -> Array:
        steady = self._steady.at(self.pots.conductances).nodes
        if not self.imperfections.tau_s:
            return steady
        left = math.exp(-(time.monotonic() - self._changed) / self.imperfections.tau_s)
        return steady + left * (self._before - steady)
