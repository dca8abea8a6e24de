"""Facts of what learning costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hwlearn.errors import HwlearnError
from hwlearn.experiments import Experiment
from hwlearn.experiments.cost import predicted_ledger
from hwlearn.network import Network
from hwlearn.show.facts.facts import Facts, Pairs


def cost_pairs(ledger: Mapping[str, Any]) -> Pairs:
    """Of `Ledger.as_dict`: energy, time, readings, writes and wear."""
    writes: Mapping[str, int] = ledger["writes"]
    worn: Mapping[str, float] = ledger["worn"]
    parts = ((name, ledger[name]) for name in ("settling", "reading", "programming"))
    time = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in parts if seconds)
    pairs = [
        ("energy of the sources", f"{ledger['energy']:.3g} J"),
        ("time on a bench", f"{ledger['seconds']:.3g} s" + (f" ({time})" if time else "")),
        ("phases, readings", f"{ledger['phases']}, {ledger['readings']}"),
    ]
    if writes:
        name = max(writes, key=lambda edge: writes[edge])
        pairs.append(("writes", f"{sum(writes.values())}, at most {writes[name]} of one device ({name})"))
    if worn:
        name = max(worn, key=lambda edge: worn[edge])
        pairs.append(("worn", f"at most {100 * worn[name]:.3g} % of what the maker promises ({name})"))
    return tuple(pairs)


def with_cost(facts: Facts, experiment: Experiment, network: Network) -> Facts:
    """The facts, and what the steps of the experiment will cost on a bench of this network; without where it is not known."""
    try:
        with experiment.named():
            ledger = predicted_ledger(experiment, network)
    except HwlearnError:
        ledger = None
    if ledger is None or not math.isfinite(ledger.energy):
        return facts
    first, *others = facts.sections
    assert experiment.settings.train is not None
    steps = experiment.settings.train.updates(len(experiment.task))
    told = f"{ledger.energy:.3g} J, {ledger.seconds:.3g} s on a bench"
    pairs = (*first.pairs, (f"predicted for {steps} steps", told))
    return replace(
        facts, sections=(replace(first, pairs=pairs), *others), content={**facts.content, "ledger": ledger.as_dict()}
    )
