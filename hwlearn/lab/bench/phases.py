"""`Phases`: drive, settle, scan, sample by sample."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Hold, Inject
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.account import Account
from hwlearn.lab.bench.measurement import Repeats
from hwlearn.lab.bench.nudge import ROUNDS, SeriesNudge
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.phase import Asked, Metered, Phase
from hwlearn.lab.bench.plan import Plan


class Phases:
    """Makes the phases of a bench.

    Attributes:
        plan: who is where.
        settle: wait after each change [s]. repeats: readings per channel and sample.
        noise: of one reading, from the repeats of the last phase [V].
        account: what was spent.
    """

    def __init__(self, plan: Plan) -> None:
        measure = plan.station.settings.measure
        self.plan, self.settle, self.repeats = plan, measure.settle_s, Repeats.of(measure)
        self.noise, self.account = math.nan, Account(plan.network)
        self._series = [nudge for nudge in plan.nudges if isinstance(nudge, SeriesNudge)]
        self._prepared: dict[str, int] | None = None  # recoveries of each instrument when it was

    @contextmanager
    def reading(self, settle: float, repeats: int) -> Iterator[None]:
        """Inside, wait `settle` [s] after each change and average `repeats` readings."""
        before = self.settle, self.repeats
        self.settle, self.repeats = settle, Repeats(repeats)
        try:
            yield
        finally:
            self.settle, self.repeats = before

    def prepare(self) -> None:
        """Before the first phase, and after an instrument was lost and found: ranges, limits, codes, fixed sources."""
        recoveries = self.recoveries()
        if self._prepared == recoveries:
            return
        plan = self.plan
        plan.devices.watch()
        plan.devices.write(again=self._prepared is not None)
        plan.scan.configure()
        plan.limit()
        plan.constants.set(plan.constant_values)
        self._prepared = recoveries

    def drive(self, asked: Asked, sample: int) -> None:
        """Drive one sample, and wait until it has settled."""
        plan, imposed = self.plan, asked.imposed_in(sample)
        self.account.changes()
        plan.inputs.set(asked.inputs[sample])
        for k, nudge in enumerate(plan.nudges):
            if nudge is None:
                continue
            if isinstance(asked.outputs, Hold) and imposed is not None:
                nudge.hold(float(imposed[k]))
            else:
                nudge.inject(0.0 if imposed is None else float(imposed[k]))
        self.wait()
        self._balance(sample)

    def scan(self, sample: int, number: int) -> Array:
        """(number, channels) V, as many scans of the nodes, then of the sources behind resistors."""
        plan = self.plan
        with self.account.timed("reading"):
            scans = plan.scan.read(sample, number)
        seen = np.zeros(len(plan.network.nodes))
        seen[plan.read_nodes] = scans[:, : len(plan.read_nodes)].mean(axis=0)
        self.account.read(seen, plan.devices.conductances, scans.size)
        return scans

    def wait(self) -> None:
        """Let it settle."""
        if self.settle:
            with self.account.timed("settling"):
                time.sleep(self.settle)

    def at_rest(self, count: int) -> Array:
        """(count, channels) V, single readings with every source that the station can switch at zero."""
        plan = self.plan
        self.prepare()
        self.account.changes()
        plan.constants.set(np.zeros(len(plan.constant_values)))
        plan.inputs.set(np.zeros(len(plan.network.inputs)))
        for nudge in plan.nudges:
            if nudge is not None:
                nudge.rest()
        self.account.rests()
        self.wait()
        scans = self.scan(0, count)
        plan.constants.set(plan.constant_values)
        return scans

    def measure(self, asked: Asked) -> Phase:
        """Each sample, as often as it takes."""
        plan, repeats = self.plan, self.repeats.number
        count, size, nudged = len(asked.inputs), len(plan.read_nodes), isinstance(asked.outputs, Hold | Inject)
        readings, taken = np.empty((count, repeats, size)), [0] * count
        currents: list[list[Array]] = [[] for _ in range(count)]
        metered: list[Metered] = []
        heard = time.monotonic()
        for sample, number in visits(count, repeats, plan.station.settings.measure.order):
            heard = plan.devices.remind(heard)
            self.drive(asked, sample)
            scans = self.scan(sample, number)
            readings[sample, taken[sample] : taken[sample] + number] = scans[:, :size]
            taken[sample] += number
            metered += plan.inputs.metered(sample)
            flowing = np.zeros(len(plan.nudges))
            for k, nudge in enumerate(plan.nudges if nudged else ()):
                assert nudge is not None
                flowing[k], said = nudge.measure(scans, sample)
                metered += said
            currents[sample].append(flowing)
        voltages = np.zeros((count, len(plan.network.nodes)))
        voltages[:, plan.read_nodes] = readings.mean(axis=1)
        means = np.array([sum(values) / len(values) for values in currents])
        devices = plan.devices
        phase = Phase(asked, devices.codes, devices.conductances, plan.read_nodes, readings, voltages, means, metered)
        if not math.isnan(phase.noise):
            self.noise = phase.noise
        return phase

    def _balance(self, sample: int) -> None:
        """Correct the sources behind resistors until their currents are right."""
        for _ in range(ROUNDS if self._series else 0):
            scan = self.scan(sample, 1)
            if not any([nudge.correct(scan) for nudge in self._series]):
                return
            self.wait()
        if self._series:
            raise InstrumentError(
                f"output {self._series[0].output}: the current is not right after {ROUNDS} corrections; is the series "
                "resistor what the station file says, and the node settled?",
                self._series[0].source.name,
            )

    def lost(self, before: dict[str, int]) -> bool:
        """After an error: has an instrument been lost and found since then, and is perhaps the cause? Asks all of them."""
        for instrument in self.plan.connection.instruments.values():
            with suppress(InstrumentError):
                instrument.present()
        return before != self.recoveries()

    def recoveries(self) -> dict[str, int]:
        """How often each instrument was lost and found."""
        return {name: instrument.recoveries for name, instrument in self.plan.connection.instruments.items()}
