"""`self_test`: is this bench good enough to learn?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Drive, Inject, Open
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import InstrumentError
from hwlearn.inference.compared_phases import uneven
from hwlearn.inference.noise import Nudging, repeats_for, smallest_current
from hwlearn.lab.bench.checks.leads import Leads
from hwlearn.lab.bench.circuit import BenchCircuit
from hwlearn.lab.bench.probing import Probed, Prober, Progress
from hwlearn.lab.bench.wiring import SIGMAS, Effect, Survey, inspect_wiring
from hwlearn.lab.instruments.roles import ResistorBox
from hwlearn.lab.station import Station
from hwlearn.network import Network

RESOLUTION = 1e-7
"""No scanner is taken to be quieter than this part of its range."""
SOURCE = 0.01
"""A driven input may be off by this part."""
LONG_AT_CHANNEL = 0.05
"""A wait at a channel [s] after which multiplexer and cables have forgotten the one before."""
LONGEST = 10.0
"""Longest time [s] that is tried for settling."""


@dataclass(frozen=True)
class Finding:
    """One test of the self-test.

    Attributes:
        test: what was looked at. subject: instrument, channel, source, edge or output.
        passed: whether it is accepted.
        value, limit: measured and accepted [unit]; `at_least` if the value must not be below. None where nothing is counted.
        note: what is wrong and what to do; or what could not be tested.
    """

    test: str
    subject: str
    passed: bool
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    at_least: bool = False
    note: str = ""


def self_test_station(
    network: Network,
    station: Station | str | PathLike[str],
    nudging: Nudging | None = None,
    progress: Progress | None = None,
    *,
    trust: bool = False,
) -> list[Finding]:
    """Connect to a station and test it; see `self_test`. It is safe afterwards.

    Raises:
        StationError: the station does not fit the network.
        InstrumentError: an instrument could not be made safe.
    """
    try:
        circuit = BenchCircuit(network, station, verify=False, trust=trust)
    except InstrumentError as error:
        return [Finding("identity", error.instrument, False, note=str(error))]
    with circuit:
        return self_test(circuit, nudging, progress=progress)


def self_test(
    circuit: BenchCircuit, nudging: Nudging | None = None, *, scans: int = 32, progress: Progress | None = None
) -> list[Finding]:
    """Drive the bench through its self-test: identity, noise and offset, settling, wiring, smallest nudge.

    An instrument that fails ends it: a finding says so, and the circuit is closed and safe.

    Args:
        circuit: connected, and left at the conductances it had.
        nudging: what learning will do. Without it, currents of limits.i_nudge_max are asked for, to both sides.
        scans: readings per channel for noise and offset.
    """
    tests = _SelfTest(circuit, nudging, scans, progress or (lambda done, total: None)).tests
    findings: list[Finding] = []
    try:
        for test in tests:
            findings += test()
    except InstrumentError as error:
        findings.append(Finding("instruments", error.instrument, False, note=str(error)))
    return findings


class _SelfTest:
    """The tests in their order: each stands on what those before it have found."""

    def __init__(self, circuit: BenchCircuit, nudging: Nudging | None, scans: int, progress: Progress) -> None:
        self.circuit, self.nudging, self.scans, self.progress = circuit, nudging, scans, progress
        self.network = circuit.network
        self.measure = circuit.station.settings.measure
        self.settle = self.measure.settle_s
        self.noise, self.wired = math.nan, False
        self.tests: list[Callable[[], Iterator[Finding]]] = [self.identity, self.watchdog, self.left, self.rest, self.modes]
        of_resistors = [self.settling, self.channel_delay, self.wiring, self.leads, self.nudges]
        self.tests += [self.elements] if not self.network.linear else of_resistors

    def identity(self) -> Iterator[Finding]:
        """Connecting has asked them all."""
        for name, instrument in self.circuit.connection.instruments.items():
            yield Finding("identity", name, True, note=instrument.identity)

    def watchdog(self) -> Iterator[Finding]:
        """What nobody opens when this process is killed."""
        for name, table in self.circuit.station.settings.instrument.items():
            if issubclass(self.circuit.station.drivers[name], ResistorBox) and not table.watchdog_s:
                note = "none: after kill -9 its resistors stay connected and sources stay on; give it watchdog_s if it has one"
                yield Finding("watchdog", name, True, note=note)

    def left(self) -> Iterator[Finding]:
        """What an earlier user left; outputs that are on are switched off before the next test."""
        for name, found in self.circuit.connection.found.items():
            for one in found:
                yield Finding("found", name, True, note=str(one))

    def modes(self) -> Iterator[Finding]:
        """Those in which an instrument misreads, and which its driver did not set back."""
        for instrument, found in self.circuit.connection.misread(self.circuit.connection.instruments):
            note = f"{found}: switch that off at its front panel, or reset it (*RST)"
            yield Finding("mode", instrument.name, False, note=note)

    def rest(self) -> Iterator[Finding]:
        """Noise and offset of each channel, all sources at zero."""
        circuit, measure = self.circuit, self.measure
        readings = circuit.read_at_rest(self.scans)
        spread, offsets = readings.std(0, ddof=1), readings.mean(0)
        reads, nodes = circuit.reads, slice(len(circuit.read_nodes))
        at_nodes, size = reads.voltages(readings).var(0, ddof=1)[nodes], np.square(reads.spread[nodes])
        self.noise = float(np.sqrt(at_nodes.mean() + (RESOLUTION * measure.range_v) ** 2 * size.mean()))
        places = [circuit.place(k) for k in circuit.read_nodes] + circuit.channels[len(circuit.read_nodes) :]
        for place, noise in zip(places, spread.tolist(), strict=True):
            quiet = noise <= measure.noise_max
            yield Finding(
                "noise", place, quiet, noise, measure.noise_max, "V", note="" if quiet else "shield it, or raise nplc"
            )
        on = ", ".join(circuit.external_supplies)
        for place, offset in zip(places, offsets.tolist(), strict=True):
            if on:
                yield Finding("offset", place, True, note=f"not tested: {on} is external and on")
                continue
            fine = abs(offset) <= measure.offset_max
            advice = "" if fine else "run `hwlearn bench calibrate`"
            yield Finding("offset", place, fine, offset, measure.offset_max, "V", note=advice)

    def elements(self) -> Iterator[Finding]:
        """Without the exact model."""
        yield Finding("wiring", self.network.title, True, note="not tested: it has elements that are no linear resistors")

    def settling(self) -> Iterator[Finding]:
        """A full step of every source, read at `settle_s` and again at twice that; the other tests wait long enough."""
        circuit, repeats = self.circuit, self.circuit.repeats
        self.prober = Prober.at(circuit, circuit.bounds[0])
        limit = SIGMAS * self.noise / math.sqrt(repeats)
        changes: list[Array] = []
        with circuit.reading(self.settle, repeats):
            once = self.prober.measure().voltages
        while True:
            later = 2 * self.settle or 1e-3
            with circuit.reading(later, repeats):
                twice = self.prober.measure().voltages
            changes.append(np.abs(twice - once).max(0, initial=0.0))
            if changes[-1].max() <= limit or later > LONGEST:
                break
            self.settle, once = later, twice
        if changes[1:]:
            self.settle = later
        long_enough = f"raise measure.settle_s to {self.settle:g}"
        advice = long_enough if later <= LONGEST else f"does not come to rest in {later:g} s: does it oscillate, or drift?"
        for k in circuit.read_nodes:
            fine, change = bool(changes[0][k] <= limit), float(changes[0][k])
            yield Finding("settling", circuit.place(k), fine, change, limit, "V", note="" if fine else advice)

    def channel_delay(self) -> Iterator[Finding]:
        """The same drives, read as the station says and with a wait at each channel that is always long enough."""
        circuit, repeats = self.circuit, self.circuit.repeats
        limit = SIGMAS * self.noise / math.sqrt(repeats)
        with circuit.reading(self.settle, repeats):
            soon = self.prober.measure().voltages
            with circuit.waiting_at_channels(LONG_AT_CHANNEL):
                late = self.prober.measure().voltages
        changes = np.abs(late - soon).max(0, initial=0.0)
        for k in circuit.read_nodes:
            fine, change = bool(changes[k] <= limit), float(changes[k])
            note = "" if fine else f"reads otherwise {LONG_AT_CHANNEL:g} s after switching: raise measure.channel_delay_s"
            yield Finding("channel delay", circuit.place(k), fine, change, limit, "V", note=note)

    def wiring(self) -> Iterator[Finding]:
        """Each source arrives, each node is read, each edge changes what it should, all at their places."""
        circuit, network, repeats = self.circuit, self.network, min(self.circuit.repeats, 2)
        before, (lower, upper) = circuit.conductances.copy(), circuit.bounds
        changed = [k for k in range(len(network.edges)) if upper[k] > lower[k]]
        settings: list[Array] = []
        probed: list[Probed] = []
        with circuit.reading(self.settle, repeats):
            for done, edge in enumerate([None, *changed]):
                wanted = settings[0].copy() if settings else uneven(circuit.conductances, circuit.bounds)
                if edge is not None:
                    middle = math.sqrt(lower[edge] * upper[edge])
                    wanted[edge] = lower[edge] if wanted[edge] > middle else upper[edge]
                settings.append(circuit.program(wanted).copy())
                probed.append(self.prober.measure())
                self.progress(done + 1, len(changed) + 1)
        circuit.program(before)
        survey = Survey(
            network,
            circuit.read_nodes,
            np.array(settings),
            changed,
            self.prober.drives,
            self.prober.names,
            np.array([one.voltages for one in probed]),
            self.noise / math.sqrt(2 * repeats),
            tuple(circuit.estimated_nodes),
        )
        found = inspect_wiring(survey)
        ohms = {network.inputs[k].name: ohm for k, _, ohm in circuit.shunts}
        lost = np.array([ohms.get(name, 0.0) for name in self.prober.names])
        made = np.median([np.diag(one.driven) + one.given * lost for one in probed], axis=0)
        for d, effect in enumerate(found.sources):
            yield self._source(d, effect, made, found.lost, survey.noise)
        for k, effect in zip(circuit.read_nodes, found.nodes, strict=False):
            yield replace(_finding("node", effect), subject=circuit.place(k))
        for effect in found.edges:
            yield _finding("edge", effect)
        self.wired = not any(effect.wrong for effect in (*found.sources, *found.nodes, *found.edges))

    def leads(self) -> Iterator[Finding]:
        """What each source meter measures at its leads is what the scanner reads there, once all is wired right.

        An open sense lead shows here alone: the current that the meter makes is right, its voltage is not.
        """
        count, circuit = len(self.network.inputs), self.circuit
        for row, name in zip(self.prober.drives if self.wired else [], self.prober.names, strict=False):
            both = np.stack((row, -row))
            outputs = Inject(both[:, count:]) if row[count:].any() else Open()
            with circuit.reading(self.settle, circuit.repeats):
                wrong = circuit.verdict(Drive(both[:, :count], outputs), Leads)
            if wrong is not None:
                yield Finding("leads", name, False, note=str(wrong))

    def _source(self, d: int, effect: Effect, made: Array, lost: frozenset[int], noise: float) -> Finding:
        """An input is read back as well, before its shunt if it has one."""
        if d >= len(self.network.inputs):
            return _finding("nudge", effect)
        source = self.network.inputs[d]
        ends = {self.network.node_index.get(node) for node in (source.plus, source.minus)}
        if effect.wrong or source.kind == "current" or ends & lost:
            return _finding("input", effect)
        asked = float(self.prober.drives[d, d])
        off, limit = float(made[d]) - asked, SOURCE * asked + SIGMAS * noise
        note = "" if abs(off) <= limit else f"told {asked:g} V and reads {asked + off:g} V: polarity, leads, load?"
        return Finding("input", effect.name, not note, off, limit, "V", note=note)

    def nudges(self) -> Iterator[Finding]:
        """The smallest current that half of the edges notice, beside the one that learning begins with; and repeats."""
        limits, measure = self.circuit.station.settings.limits, self.measure
        repeats = measure.most_repeats if measure.repeats == "auto" else measure.repeats
        if not self.circuit.station.imposable(self.network):
            return
        with ExactCircuit(self.network) as model:
            model.program(self.circuit.conductances)
            transfer = model.responses(np.zeros((1, len(self.network.inputs)))).port_drops  # (E, n_out) Ω
        symmetric = self.nudging is None or self.nudging.symmetric
        for a, name in enumerate(self.network.output_names):
            asked = limits.i_nudge_max if self.nudging is None else float(np.abs(self.nudging.currents[:, a]).max())
            typical = np.median(np.abs(transfer[:, a]))  # half of the edges notice
            smallest = float(smallest_current(typical, self.noise, repeats, symmetric=symmetric))
            reached = not asked or self._reached(a, repeats)
            fine = smallest <= asked or reached
            note = "" if fine else "nudge more, or raise measure.repeats or nplc"
            if reached:
                note = "nothing to nudge: the targets are reached, as far as the noise can tell"
            value = smallest if math.isfinite(smallest) else None
            yield Finding("smallest nudge", name, fine, value, asked, "A", note=note)
        if self.nudging is None:
            return
        error = measure.gradient_error
        if all(self._reached(a, repeats) for a in range(len(self.network.outputs))):
            return
        wanted = repeats_for(error, self.nudging, self.noise)
        if wanted is not None:
            note = "" if wanted <= repeats else f"{wanted} readings would give the first direction to {100 * error:g} %"
            yield Finding("repeats", "first direction", True, float(wanted), float(repeats), note=note)

    def _reached(self, output: int, repeats: int) -> bool:
        """Whether an output is nearer to its targets than the noise of its mean lets anybody see."""
        residuals = None if self.nudging is None else self.nudging.residuals
        least = SIGMAS * math.sqrt(2 / repeats) * self.noise  # of two channels
        return residuals is not None and bool(np.abs(residuals[:, output]).max() <= least)


def _finding(test: str, effect: Effect) -> Finding:
    if not (effect.visible or effect.wrong):
        return Finding(test, effect.name, True, effect.size, None, "V", note="not tested: too small to be seen from the nodes")
    return Finding(test, effect.name, not effect.wrong, effect.size, effect.least, "V", at_least=True, note=effect.wrong)
