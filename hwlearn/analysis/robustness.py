"""`robustness`: where training ends on each kind of imperfect hardware, with and without remedies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwlearn.analysis.imperfections import IMPERFECTIONS
from hwlearn.analysis.linearised import IllConditioned, Linearised
from hwlearn.analysis.manifold import project
from hwlearn.analysis.predicted_floor import predicted_floor
from hwlearn.analysis.trials import Ending, Trials, remedies_for
from hwlearn.circuits.imperfect import Effect, StuckEdges
from hwlearn.errors import HwlearnError, ModelError
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network

START = 0.02
"""Runs start with conductances whose rms distance from a solution is this part of their own rms, so that a floor is reached
from above."""

EVERY = 2
"""Updates between identifications."""


@dataclass(frozen=True)
class Case:
    """One imperfection of one size.

    Attributes:
        imperfection, size, unit: its name, and its size in this unit.
        predicted: loss [V²] that theory predicts without remedy; None where it says nothing.
        losses: remedy → true loss ½‖e‖² [V²], mean over the last quarter of the run; without those that do not apply.
        wander: remedy → how far the true conductances moved in that quarter, rms, as a part of their mean.
    """

    imperfection: str
    size: float
    unit: str
    predicted: float | None
    losses: dict[str, float]
    wander: dict[str, float]


@dataclass(frozen=True)
class Robustness:
    """All cases. Remedies: "symmetric", "overclamped", "thresholded", "momentum" and "identified"; "none" is without.

    Attributes:
        rule, nudge, nudge_unit, symmetric, learning_rate, steps: how every run was made.
        perfect: loss [V²] at the end of the same run on perfect hardware: no floor lower than this was seen.
        cases: in the order of `IMPERFECTIONS`, sizes rising.
        notes: which sizes the circuit cannot have; the largest that it can is in their place.
    """

    rule: str
    nudge: float
    nudge_unit: str
    symmetric: bool
    learning_rate: float
    steps: int
    perfect: float
    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        named = ("rule", "nudge", "nudge_unit", "symmetric", "learning_rate", "steps", "perfect")
        return {name: getattr(self, name) for name in named} | {
            "cases": [vars(case) for case in self.cases],
            "notes": list(self.notes),
        }


def robustness(
    network: Network,
    task: Task,
    rule: Rule,
    *,
    learning_rate: float | None = None,
    steps: int | None = None,
    only: Iterable[str] = (),
    sizes: int = 3,
    seed: int = 0,
    progress: Callable[[str], object] | None = None,
) -> Robustness:
    """Train copies of the exact circuit, imperfect in one way each, from near a solution, plain steps on the full batch.

    Remedies are fitted to what the run without them ended with: overclamping pushes twice its largest error and rests at half
    of what a step changes then; the threshold is half the rms direction that was left. Momentum has the same learning rate;
    re-identification is made after each `EVERY` updates, where tolerance or bias hides what is there.

    Args:
        learning_rate: a quarter of the fastest if not given.
        steps: of each run; six time constants of the slowest mode if not given, at most 2000.
        only: names of `IMPERFECTIONS`; all if empty.
        sizes: how many sizes of each, the largest ones.
        seed: of the imperfections and the starting point.
        progress: called with the name of what is run next.

    Raises:
        ModelError: the network is not linear.
        HwlearnError: an unknown imperfection; a learning rate that is not stable; less than 20 steps.
    """
    _check(network)
    chosen = list(only) or list(IMPERFECTIONS)
    for name in chosen:
        if name not in IMPERFECTIONS:
            raise HwlearnError(f"no imperfection {name!r}; there are {', '.join(IMPERFECTIONS)}")
    solved = project(network, task)
    near = Linearised.of(solved.jacobian, rule)
    rates = np.linalg.eigvals(near.rates).real
    alpha = 0.5 / float(rates.max() + rates.min()) if learning_rate is None else learning_rate
    if steps is not None and steps < 20:
        raise HwlearnError(f"steps is {steps}; give 20 or more")
    if alpha * rates.max() >= 2:
        raise HwlearnError(f"learning_rate {alpha:g} is not stable near the solution; the limit is {2 / rates.max():.3g}")
    count = min(2000, int(np.ceil(6 / (alpha * rates.min())))) if steps is None else steps
    volts, siemens = float(np.abs(task.targets).max()), float(solved.conductances[network.trainable].mean())
    scale = {"V": volts, "S": siemens, "1": 1.0, "edges": 1}
    solution = network.with_conductances(solved.conductances)
    shift = 1 + START * np.random.default_rng(seed).standard_normal(len(network.edges)) * network.trainable
    start = network.with_conductances(np.clip(solved.conductances * shift, network.lower, network.upper))
    trials, reach = Trials(start, task, alpha, count, seed), alpha * float(rates.max())

    perfect, cases, notes = trials.run(rule, []).loss, list[Case](), list[str]()
    for name in chosen:
        kind = IMPERFECTIONS[name]
        for part in kind.sizes[len(kind.sizes) - sizes :]:
            size = part * scale[kind.unit]
            if progress is not None:
                progress(f"{name} {size:.3g} {kind.unit}")
            effect = kind.make(size, solution)
            if isinstance(effect, StuckEdges) and len(effect.names) < size:
                notes.append(_too_few(name, int(size), effect.names))
                size = len(effect.names)
                if not size or (name, size) in {(case.imperfection, case.size) for case in cases}:
                    continue
            runs = _by_remedy(trials, rule, effect, kind.hidden, reach)
            try:
                predicted = predicted_floor(near, effect, rule, trials)
            except IllConditioned as error:
                predicted = None
                notes.append(f"{name} {size:.3g} {kind.unit}: nothing is predicted: {error}")
            losses = {remedy: run.loss for remedy, run in runs.items()}
            cases.append(Case(name, size, kind.unit, predicted, losses, {remedy: run.wander for remedy, run in runs.items()}))
    return Robustness(
        rule.name, rule.amplitude(network), rule.nudge_unit, rule.symmetric, alpha, count, perfect, tuple(cases), tuple(notes)
    )


def _check(network: Network) -> None:
    """Refuse what has no rates and floors of the kind that are told here."""
    if not network.linear:
        other = next((f"{device.word} {device.edge}" for device in network.devices), None) or network.elements[0].card
        raise ModelError(
            f"robustness is told of linear networks, of resistors and DC sources, not with {other}: train it with "
            "[imperfect], one imperfection after the other (`hwlearn sweep` compares them)"
        )


def _too_few(name: str, count: int, names: tuple[str, ...]) -> str:
    """A note that says why fewer edges than asked for are stuck or dead."""
    why = "none would be left to learn" if name == "stuck edges" else "a node would float, or no edge be left to learn"
    most = f"{', '.join(names)} at most" if names else "none"
    return f"{name}: {most}, not {count}: with one more {why}"


def _by_remedy(trials: Trials, rule: Rule, effect: Effect, hidden: bool, reach: float) -> dict[str, Ending]:
    """How trainings on hardware with an imperfection end, by remedy; see `Imperfection.hidden` and `remedies_for`."""
    plain = trials.run(rule, [effect])
    runs = {"none": plain}
    for remedy, made in remedies_for(rule, plain, reach).items():
        runs[remedy] = trials.run(made, [effect])
    runs["momentum"] = trials.run(rule, [effect], optimizer="momentum")
    if hidden:
        runs["identified"] = trials.run(rule, [effect], every=EVERY)
    return runs
