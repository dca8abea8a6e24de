"""`Following`: resistors do what their codes say."""

from __future__ import annotations

from collections.abc import Sequence

from hwlearn.errors import InstrumentError
from hwlearn.inference.following import EdgeFilter, Stray
from hwlearn.lab.bench.checks.check import Check
from hwlearn.lab.bench.phase import Phase
from hwlearn.lab.bench.phases import Phases


class Following(Check):
    """A box tells which codes it was given, not what its relays did; the readings tell, see `EdgeFilter`."""

    def __init__(self, bench: Phases) -> None:
        super().__init__(bench)
        plan, measure = bench.plan, bench.plan.station.settings.measure
        edges = plan.station.settings.edge
        self._names = plan.network.edge_names
        self._boxes = [edges[name].set or "" for name in self._names]
        self._signs = plan.network.port_incidence.toarray()
        spread = plan.reads.spread[: len(plan.read_nodes)]
        drift = measure.drift_max / measure.verify_sigma * float(spread.max(initial=0.0))
        offset, unread = measure.offset_max * spread, plan.estimates.nodes
        self._filter = EdgeFilter(plan.network, plan.read_nodes, offset=offset, drift=drift, unread=unread)

    def accepted(self, phase: Phase) -> None:
        injected = phase.currents @ self._signs
        stray = self._filter.learn(phase.conductances, injected, phase.voltages, phase.mean_noise)
        if stray is not None:
            raise strayed(stray, self._names, self._boxes)


def strayed(stray: Stray, names: Sequence[str], boxes: Sequence[str]) -> InstrumentError:
    """The error of an edge that does not follow its code; edges by name, and by channel as in "pots:3"."""
    box, _, channel = boxes[stray.edge].partition(":")
    return InstrumentError(
        f"resistor {channel} (edge {names[stray.edge]}) does not follow its code: its conductance was to change by "
        f"{stray.told:.3g} S, and the readings say {stray.moved:.2g} ± {stray.error:.1g} S; a stuck relay, or wiring that has "
        "changed: see `hwlearn bench check`",
        box,
    )
