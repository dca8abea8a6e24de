"""`Leads`: source meters are wired where they should be, and not the other way round."""

from __future__ import annotations

import math

import numpy as np

from hwlearn.arrays import Array
from hwlearn.errors import InstrumentError
from hwlearn.lab.bench.checks.check import Check, floor_volts
from hwlearn.lab.bench.phase import Phase

PART = 0.02
"""A source meter and the scanner may differ by this part: their accuracies, and the resistance of the leads."""


class Leads(Check):
    """What a source meter measures between its leads is what the scanner reads between the nodes that they are wired to.

    A source meter measures the current that it makes, wherever that flows; its voltage tells whether it flows through the
    circuit, and which way. No further round trip: it is read with the current. The differences of the samples of a phase are
    compared as well, and more exactly, for offsets cancel in them.
    """

    def after(self, phase: Phase) -> None:
        for place, span in phase.meters.spans.items():
            samples, metered = span.readings()
            scanned = phase.voltages[samples] @ self.bench.plan.across[place]
            if not (self._same(phase, metered, scanned) and self._same(phase, *_differences(metered, scanned), offsets=False)):
                k = int(np.abs(metered - scanned).argmax())
                turned = self._same(phase, *_differences(-metered, scanned), offsets=False) and self._same(
                    phase, -metered, scanned
                )
                raise self._error(place, span.of, float(metered[k]), float(scanned[k]), turned=turned)

    def _same(self, phase: Phase, one: Array, two: Array, *, offsets: bool = True) -> bool:
        plan = self.bench.plan
        measure = plan.station.settings.measure
        noise = 0.0 if math.isnan(phase.mean_noise) else 2 * measure.verify_sigma * phase.mean_noise
        floor = noise + (floor_volts(plan) if offsets else measure.drift_max * float(plan.reads.reach.max(initial=0.0)))
        return bool((np.abs(one - two) <= PART * np.maximum(np.abs(one), np.abs(two)) + floor).all())

    def _error(self, place: tuple[str, str], of: str, metered: float, scanned: float, *, turned: bool) -> InstrumentError:
        instrument, channel = place
        network, signs = self.bench.plan.network, self.bench.plan.across[place]
        plus, minus = ([network.nodes[k] for k in np.flatnonzero(signs == side)] or ["ground"] for side in (1, -1))
        between = f"between {plus[0]} and {minus[0]}"
        seen = f"channel {channel} ({of}) measures {metered:.4g} V, and the scanner reads {scanned:.4g} V {between}"
        if turned:
            advice = (
                f"{instrument}:{channel} is wired the other way round: exchange its leads (or the channels of "
                f"{plus[0]} and {minus[0]})."
            )
        else:
            advice = (
                f"what it makes does not arrive there: is a lead off, or at another node, four-wire sensing on, or an output "
                f"that goes off after each reading, or is a channel of {plus[0]} or {minus[0]} wrong?"
            )
        return InstrumentError(f"{seen}: {advice} See `hwlearn bench check`; the phase is not used", instrument)


def _differences(metered: Array, scanned: Array) -> tuple[Array, Array]:
    """Of all readings to the first."""
    return metered - metered[0], scanned - scanned[0]
