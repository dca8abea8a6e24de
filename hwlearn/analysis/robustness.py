"""`robustness`: where training ends on each kind of imperfect hardware, with and without remedies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwlearn.analysis.device_floors import device_floor, stuck_floor
from hwlearn.analysis.floors import bias_floor, drift_floor, gain_floor, noise_floor, offset_floor
from hwlearn.analysis.identified import IdentifiedCircuit, probe_drive
from hwlearn.analysis.linearised import IllConditioned, Linearised
from hwlearn.analysis.manifold import project
from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.circuits.imperfect import (
    DeadEdges,
    Drift,
    Effect,
    ImperfectCircuit,
    Noise,
    NudgeGain,
    Offset,
    Quantised,
    StuckEdges,
    Tolerance,
    UpdateBias,
)
from hwlearn.errors import HwlearnError, HwlearnWarning, NetworkError
from hwlearn.learning.remedies import Overclamped, Remedy, Thresholded
from hwlearn.learning.rule import Rule
from hwlearn.learning.rules import FullClamp
from hwlearn.learning.table import TableRule
from hwlearn.learning.task import Task
from hwlearn.learning.train import task_loss, train
from hwlearn.learning.training_result import TrainState
from hwlearn.network import Network

START = 0.02
"""Runs start with conductances whose rms distance from a solution is this part of their own rms, so that a floor is reached
from above."""

EVERY = 2
"""Updates between identifications."""

STARTS = 30
"""Starts over which the floor of levels is averaged: a single run is at 0.2 … 3 times that."""

RANGE = 8.0
"""Levels go from the smallest conductance over this to the largest times this."""


@dataclass(frozen=True)
class Imperfection:
    """A kind of imperfection of adjustable size.

    Attributes:
        unit: of the size.
        sizes: to try, as parts of the scale: the largest target [V], the mean conductance [S], or 1.
        make: the effect of a size, given the network at the solution.
        hidden: whether conductances are not what they are believed to be: then re-identification may help.
    """

    unit: str
    sizes: tuple[float, ...]
    make: Callable[[float, Network], Effect]
    hidden: bool = False


def _levels(step: float, solved: Network, disorder: float = 0.0) -> Quantised:
    lowest, highest = float(solved.conductances.min()) / RANGE, float(solved.conductances.max()) * RANGE
    return Quantised(int(np.ceil((highest - lowest) / step)) + 1, lowest, highest, disorder)


def _some(count: float, solved: Network) -> list[str]:
    """Names of trainable edges, one at least being left; those of a smaller count first."""
    names = [name for name, free in zip(solved.edge_names, solved.trainable, strict=True) if free]
    order = np.random.default_rng(0).permutation(len(names))[: int(min(count, len(names) - 1))]
    return [names[k] for k in order]


def _dispensable(count: float, solved: Network) -> list[str]:
    """As `_some`, of edges without which no node floats."""
    found: list[str] = []
    for name in _some(np.inf, solved):
        try:
            solved.without([*found, name])
        except NetworkError:
            continue
        found.append(name)
    return found[: int(count)]


IMPERFECTIONS: dict[str, Imperfection] = {
    "noise": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Noise(size)),
    "least count": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Noise(size / 2, lsb=size)),
    "offset": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Offset(size)),
    "drift": Imperfection("V", (1e-5, 1e-4, 1e-3), lambda size, _: Drift(size)),
    "nudge gain": Imperfection("1", (1e-3, 1e-2, 1e-1), lambda size, _: NudgeGain(size)),
    "tolerance": Imperfection("1", (1e-3, 1e-2, 1e-1), lambda size, _: Tolerance(size), True),
    "level step": Imperfection("S", (1e-4, 1e-3, 1e-2), _levels),
    "not monotone": Imperfection("S", (1e-4, 1e-3, 1e-2), lambda size, solved: _levels(size, solved, 1.0)),
    "update bias": Imperfection("S", (1e-6, 1e-5, 1e-4), lambda size, _: UpdateBias(size), True),
    "stuck edges": Imperfection("edges", (1, 2, 4), lambda size, solved: StuckEdges(_some(size, solved))),
    "dead edges": Imperfection("edges", (1, 2, 4), lambda size, solved: DeadEdges(_dispensable(size, solved))),
}
"""The imperfections by name."""


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


@dataclass(frozen=True)
class _Run:
    """Where a run ended: loss [V²], largest rms error of an output [V], rms of the direction's readings there, wander."""

    loss: float
    error: float
    direction: float
    wander: float


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
    In one piece: all runs share the solution, the rates and the start.

    Args:
        learning_rate: a quarter of the fastest if not given.
        steps: of each run; six time constants of the slowest mode if not given, at most 2000.
        only: names of `IMPERFECTIONS`; all if empty.
        sizes: how many sizes of each, the largest ones.
        seed: of the imperfections and the starting point.
        progress: called with the name of what is run next.

    Raises:
        HwlearnError: an unknown imperfection; a learning rate that is not stable; less than 20 steps.
    """
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
    bench = _Bench(start, task, alpha, count, seed)

    perfect, cases, notes = bench.run(rule, []).loss, list[Case](), list[str]()
    for name in chosen:
        kind = IMPERFECTIONS[name]
        for part in kind.sizes[len(kind.sizes) - sizes :]:
            size = part * scale[kind.unit]
            if progress is not None:
                progress(f"{name} {size:.3g} {kind.unit}")
            effects = [kind.make(size, solution)]
            if isinstance(effects[0], StuckEdges) and len(effects[0].names) < size:
                notes.append(_too_few(name, int(size), effects[0].names))
                size = len(effects[0].names)
                if not size or (name, size) in {(case.imperfection, case.size) for case in cases}:
                    continue
            plain = bench.run(rule, effects)
            runs = {"none": plain}
            for remedy, made in _remedies(rule, plain, alpha * float(rates.max())).items():
                runs[remedy] = bench.run(made, effects)
            runs["momentum"] = bench.run(rule, effects, optimizer="momentum")
            if kind.hidden:
                runs["identified"] = bench.run(rule, effects, every=EVERY)
            predicted = _told(notes, f"{name} {size:.3g} {kind.unit}", near, alpha, effects[0], bench, rule)
            losses = {remedy: run.loss for remedy, run in runs.items()}
            cases.append(Case(name, size, kind.unit, predicted, losses, {remedy: run.wander for remedy, run in runs.items()}))
    return Robustness(
        rule.name, rule.amplitude(network), rule.nudge_unit, rule.symmetric, alpha, count, perfect, tuple(cases), tuple(notes)
    )


def _too_few(name: str, count: int, names: tuple[str, ...]) -> str:
    """A note that says why fewer edges than asked for are stuck or dead."""
    why = "none would be left to learn" if name == "stuck edges" else "a node would float, or no edge be left to learn"
    most = f"{', '.join(names)} at most" if names else "none"
    return f"{name}: {most}, not {count}: with one more {why}"


@dataclass(frozen=True, eq=False)
class _Bench:
    """Network, task and start, which all runs share."""

    network: Network
    task: Task
    learning_rate: float
    steps: int
    seed: int

    def circuit(self, effects: list[Effect]) -> ImperfectCircuit:
        return ImperfectCircuit(ExactCircuit(self.network), *effects, seed=self.seed)

    def run(self, rule: Rule, effects: list[Effect], *, optimizer: str = "plain", every: int = 0) -> _Run:
        losses, squares, passed = list[float](), list[Array](), list[Array]()
        with self.circuit(effects) as circuit:
            used: Circuit = circuit
            if every:
                used = IdentifiedCircuit(circuit, probe_drive(self.network, self.task), every)

            def note(state: TrainState) -> None:
                if state.step >= 0.75 * self.steps and state.step % 5 == 0:
                    loss, outputs = task_loss(circuit.inside, self.task)
                    losses.append(loss)
                    squares.append((outputs - self.task.targets) ** 2)
                    passed.append(circuit.real)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HwlearnWarning)  # where a loss grows on such hardware is what is asked
                train(
                    used,
                    self.task,
                    rule,
                    steps=self.steps,
                    learning_rate=self.learning_rate,
                    optimizer=optimizer,
                    keep="last",
                    callbacks=[note],
                )
            read = [rule.direction(circuit, self.task)[self.network.trainable] for _ in range(10)]
        error = np.sqrt(np.mean(squares, axis=0)).max()
        wander = np.sqrt(np.mean((passed[-1] - passed[0]) ** 2)) / passed[0].mean()
        return _Run(float(np.mean(losses)), float(error), float(np.sqrt(np.mean(np.square(read)))), float(wander))


def _remedies(rule: Rule, plain: _Run, reach: float) -> dict[str, Rule]:
    """Those that apply to the rule, without remedies that it has; `reach` is αλ of the fastest mode."""
    made: dict[str, Rule] = {}
    while isinstance(rule, Remedy):
        rule = rule.rule
    if not (rule.symmetric or isinstance(rule, FullClamp)):
        made["symmetric"] = copy(rule)
        made["symmetric"].symmetric = True
    if isinstance(rule, TableRule) and rule.observes == "voltage":
        push = 2 * plain.error
        made["overclamped"] = Overclamped(rule, push, 0.5 * reach * push)
    made["thresholded"] = Thresholded(rule, 0.5 * plain.direction)
    return made


def _told(notes: list[str], what: str, *given: Any) -> float | None:
    """The predicted floor [V²]; None, with a note that says why, where rounding would decide it."""
    try:
        return _predicted(*given)
    except IllConditioned as error:
        notes.append(f"{what}: nothing is predicted: {error}")
        return None


def _predicted(near: Linearised, learning_rate: float, effect: Effect, bench: _Bench, rule: Rule) -> float | None:
    with bench.circuit([effect]) as circuit:
        (drawn,) = circuit.effects
    if isinstance(drawn, Noise):
        return noise_floor(near, learning_rate, drawn.noise, drawn.amperes).loss
    if isinstance(drawn, Offset):
        return offset_floor(near, drawn.offsets).loss
    if isinstance(drawn, Drift):
        return drift_floor(near, learning_rate, drawn.volts, drawn.period, drawn.phases).loss
    if isinstance(drawn, NudgeGain):
        return gain_floor(near, drawn.gains - 1).loss
    if isinstance(drawn, UpdateBias):
        return bias_floor(near, learning_rate, drawn.bias).loss
    if isinstance(drawn, Quantised):
        away = drawn.step * np.random.default_rng(bench.seed).uniform(-3, 3, (STARTS, len(bench.network.edges)))
        away[:, ~bench.network.trainable] = 0.0
        starts = near.jacobian.conductances + away
        return device_floor(near, learning_rate, lambda wanted: drawn.real(wanted, wanted), starts, bench.steps).loss
    if isinstance(drawn, StuckEdges):
        return stuck_floor(bench.network, bench.task, rule, drawn.edges, drawn.kept).loss
    return None
