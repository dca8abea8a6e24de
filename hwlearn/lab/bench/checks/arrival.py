"""`Arrival`: a current that is made through a resistor arrives where it should."""

from __future__ import annotations

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check, floor_volts
from hwlearn.lab.bench.nudge import SeriesNudge
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases

PART = 0.5
"""Of a current, and of what it makes flow through its node: what devices that are off their tables may hide."""


Rows = tuple[Array, Array, Array]
"""What phases were: (R, n_in) V or A of inputs, (R, N) V of nodes, (R, N) A into the nodes from the nudges."""


class Arrival(Check):
    """What a voltage behind a resistor sends into a node, its edges carry away (Kirchhoff's current law, by the code tables).

    The current follows from the readings at both ends of the resistor as the station file has them, wherever it is soldered;
    so nothing but the node's edges tells whether it arrives. Changes are compared, at equal inputs: what flows anyway, and
    offsets, cancel. Not looked at: nodes that a voltage source holds, and networks with elements.
    """

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        plan = bench.plan
        network = plan.network
        held = np.zeros(len(network.nodes), dtype=bool)
        for source, ends in zip(network.sources, network.source_incidence.toarray(), strict=True):
            held |= (ends != 0) & (source.kind == "voltage")
        self._free = ~held
        self._free[[k for k in range(len(network.nodes)) if k not in plan.read_nodes]] = False
        self._nudges = [] if not network.linear else [nudge for nudge in plan.nudges if isinstance(nudge, SeriesNudge)]
        self._ports = network.port_incidence.toarray()
        self._edges = network.incidence.toarray()
        self._last: Phase | None = None

    def after(self, phase: Phase) -> None:
        if phase.asked.imposed is None or not self._nudges:
            return
        asked, voltages, injected = self._rows(phase)
        known_inputs, known_voltages, known_injected = self._known(phase)
        for sample, inputs in enumerate(asked):
            equal = np.flatnonzero((known_inputs == inputs).all(axis=1))
            changes = injected[sample] - known_injected[equal]
            for nudge in self._nudges:
                node = self.bench.plan.read_nodes[nudge.node]
                if self._free[node]:
                    other = equal[int(np.abs(changes[:, node]).argmax())]
                    moved = voltages[sample] - known_voltages[other]
                    self._compare(phase, nudge, node, injected[sample] - known_injected[other], moved)

    def accepted(self, phase: Phase) -> None:
        self._last = phase

    def _compare(self, phase: Phase, nudge: SeriesNudge, node: int, injected: Array, moved: Array) -> None:
        """Of one node: what flows into it, and what its edges carry away as the nodes moved (N,) V."""
        flows = (self._edges @ moved) * phase.conductances
        leaving = self._edges.T @ flows
        measure, told, seen = self.bench.plan.station.settings.measure, float(injected[node]), float(leaving[node])
        at = np.abs(self._edges[:, node])
        through = max(float(at @ np.abs(flows)), abs(told))
        volts = np.nan_to_num(measure.verify_sigma * phase.mean_noise) + floor_volts(self.bench.plan)
        floor = 2 * volts * float(at @ phase.conductances) + nudge.tolerance / nudge.ohm
        if abs(seen - told) <= PART * through + floor or abs(told) <= floor:
            return
        missed = np.where(self._free, np.abs(leaving - injected), 0.0)
        missed[node] = 0.0
        place, found = self.bench.plan.place(node), self.bench.plan.place(int(missed.argmax()))
        raise InstrumentError(
            f"channel {nudge.channel} (output {nudge.output}) sends {told:.3g} A through its resistor, and the edges of "
            f"{place} carry {seen:.3g} A of it away: the resistor is soldered elsewhere (at {found}?), or series_ohm is "
            "wrong, or two channels are exchanged; see `hwlearn bench check`. The phase is not used",
            nudge.source.name,
        )

    def _rows(self, phase: Phase) -> Rows:
        return phase.asked.inputs, phase.voltages, phase.currents @ self._ports

    def _known(self, phase: Phase) -> Rows:
        """The phase, and the one before at the same codes."""
        last, now = self._last, self._rows(phase)
        if last is None or not np.array_equal(last.codes, phase.codes):
            return now
        inputs, voltages, injected = (np.concatenate(pair) for pair in zip(now, self._rows(last), strict=True))
        return inputs, voltages, injected
