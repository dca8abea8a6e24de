"""`Phases`: drive, settle, scan, sample by sample."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, pairwise

import numpy as np

from hwlearn.arrays import Array
from hwlearn.circuits.drive import Hold, Open, Pull
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.account import Account
from hwlearn.lab.bench.balance import Balance
from hwlearn.lab.bench.measurement import Repeats
from hwlearn.lab.bench.meters import Meters
from hwlearn.lab.bench.nudge import SeriesNudge
from hwlearn.lab.bench.order import visits
from hwlearn.lab.bench.phase import Asked, Phase
from hwlearn.lab.bench.plan import Plan
from hwlearn.lab.bench.readings import Readings

ROUNDS = 12
"""Corrections after which currents through resistors, and voltages behind them, must be right."""


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
        self._balance = Balance([nudge for nudge in plan.nudges if isinstance(nudge, SeriesNudge)])
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
            wanted = 0.0 if imposed is None else float(imposed[k])
            if isinstance(asked.outputs, Hold):
                nudge.hold(wanted)
            elif isinstance(asked.outputs, Pull):
                nudge.pull(wanted)
            else:
                nudge.inject(wanted)
        self.wait()
        if not isinstance(asked.outputs, Pull):
            self._correct(sample)

    def scan(self, sample: int, number: int) -> Array:
        """(number, channels) V, as many scans of all that the plan reads: readings as they are."""
        plan = self.plan
        with self.account.timed("reading"):
            scans = plan.scan.read(sample, number)
        seen = np.zeros((1, len(plan.network.nodes)))
        seen[:, plan.read_nodes] = plan.reads.voltages(scans)[:, : len(plan.read_nodes)].mean(axis=0)
        plan.estimates.fill(plan.devices.conductances, seen)
        self.account.read(seen[0], plan.devices.conductances, scans.size)
        return scans

    def wait(self) -> None:
        """Let it settle."""
        if self.settle:
            with self.account.timed("settling"):
                time.sleep(self.settle)

    def at_rest(self, count: int) -> Array:
        """(count, channels) V, single readings with every source that the station can switch at zero, sensors left out."""
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
        scans = self.scan(0, count)[:, : plan.sensed.start]
        plan.constants.set(plan.constant_values)
        return scans

    def measure(self, asked: Asked) -> Phase:
        """Each sample, as often as it takes."""
        plan, repeats = self.plan, self.repeats.number
        count, nudged = len(asked.inputs), not isinstance(asked.outputs, Open)
        readings = Readings(plan.reads, count, repeats, len(plan.read_nodes))
        visited = np.zeros((count, 1))
        currents, fed = np.zeros((count, len(plan.nudges))), np.zeros((count, len(plan.network.inputs)))
        meters = Meters(count)
        warm = np.zeros(len(plan.temperatures.places))
        heard = time.monotonic()
        plan.inputs.begin()
        for one in filter(None, plan.nudges):
            one.begin()
        turns = visits(count, repeats, plan.station.settings.measure.order)
        for (sample, number), (after, _) in pairwise(chain(turns, [(-1, 0)])):
            heard = plan.devices.remind(heard)
            self.drive(asked, sample)
            scans = self.scan(sample, number)
            seen = plan.reads.voltages(scans)
            readings.add(sample, scans, seen)
            warm += seen[:, plan.sensed].sum(axis=0)
            said = plan.inputs.metered(sample)
            meters.add(said)
            visited[sample] += 1
            fed[sample] += plan.fed(seen, said)
            for k, nudge in enumerate(plan.nudges if nudged else ()):
                assert nudge is not None
                following = None
                if k == len(plan.nudges) - 1 and after >= 0 and asked.imposed is not None:  # all others are read
                    following = float(asked.imposed[after, k])
                flowing, told = nudge.measure(seen, sample, following)
                currents[sample, k] += flowing
                meters.add(told)
        readings.finish()
        plan.temperatures.note(warm / max(1, count * repeats))
        voltages = np.zeros((count, len(plan.network.nodes)))
        voltages[:, plan.read_nodes] = readings.means
        plan.estimates.fill(plan.devices.conductances, voltages)
        devices, read, means, given = plan.devices, plan.read_nodes, currents / visited, fed / visited
        phase = Phase(asked, devices.codes, devices.conductances, read, readings, voltages, means, given, meters)
        if not math.isnan(phase.noise):
            self.noise = phase.noise
        return phase

    def _correct(self, sample: int) -> None:
        """Correct the sources behind resistors until what they nudge is right."""
        balance = self._balance
        balance.begin()
        for _ in range(ROUNDS if balance.nudges else 0):
            if not balance.correct(self.plan.reads.voltages(self.scan(sample, 1))):
                return
            self.wait()
        if balance.nudges:
            raise InstrumentError(
                f"output {balance.nudges[0].output}: what is nudged is not right after {ROUNDS} corrections; is the series "
                "resistor what the station file says, and the node settled?",
                balance.nudges[0].source.name,
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
