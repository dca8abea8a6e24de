"""`prune`: which edges of a trained circuit can go, and at which cost."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from hwlearn.analysis.design.cut import Cut
from hwlearn.analysis.design.objectives import POWERS, condition
from hwlearn.analysis.design.problem import LEARNED
from hwlearn.analysis.manifold import project
from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import HwlearnWarning, ModelError, NetworkError
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.learning.train import train
from hwlearn.network import Network

JUDGED = 4
"""Edges that are tried to be taken away at each count, the most promising first, until so many can go."""

MOST = 5_000
"""Steps after which a training that has not learned is left."""

OFF = 0.01
"""Part by which the parts are off of which the floor is told: they drift, or have few levels."""

COERCIVE = 1e-12
"""Part of the largest rate below which the smallest one is rounding."""


@dataclass(frozen=True, eq=False)
class Pruned:
    """The trained circuit without some edges.

    Attributes:
        network: with the conductances of the trained circuit, as it is right after the edges went.
        gone: names of the edges that are not there any more, in the order in which they went.
        before: root mean square error of the outputs right after that, before anything is trained again [V].
        after: the same once the rest was trained again [V].
        steps: of the rule until the task is learned again, from there; None if that takes more than `MOST`.
        condition: λ_max/λ_min of the rule once it is trained again.
        constant: σ_min(J)² [V²/S²] there, over the independent constraints.
        floor: mean ½‖o − y‖² [V²] that parts leave there which are up to `OFF` of themselves off.
        conductances: (E,) S there.
    """

    network: Network
    gone: tuple[str, ...]
    before: float
    after: float
    steps: int | None
    condition: float
    constant: float
    floor: float
    conductances: Array

    @property
    def edges(self) -> int:
        """That are left."""
        return len(self.network.edges)

    @property
    def score(self) -> tuple[float, float]:
        """Lower is better: the steps, then the condition."""
        return np.inf if self.steps is None else float(self.steps), self.condition


@dataclass(frozen=True, eq=False)
class Pruning:
    """Edges that went one by one.

    Attributes:
        task: what is learned. rule: that trains it. loss: at which it is learned, the rule's own.
        stages: the whole circuit, and each with one edge less than the one before.
        why: what ended it.
    """

    task: Task
    rule: Rule
    loss: float
    stages: tuple[Pruned, ...]
    why: str

    @property
    def last(self) -> Pruned:
        """With the fewest edges."""
        return self.stages[-1]


def prune(network: Network, task: Task, rule: Rule, loss: float | None = None, edges: int = 1) -> Pruning:
    """Take trainable edges away from a trained circuit, one by one, as long as the rest can learn the task again.

    Each edge that is left is tried by the exact downdate (`Cut`): its errors right after it went, and its rates at the present
    solution. The fewest steps by an estimate of these, ln(ℓ/ℓ_learned)/(−2 ln((κ − 1)/(κ + 1))), are judged: a projection
    must meet the targets where the coercivity constant is not 0, and the rule itself trains the rest on the exact model.

    Args:
        network: linear, with its trained conductances.
        task: what it has learned.
        rule: which trains it again.
        loss: at which it is learned, the rule's own; 1e-12 V² if not given, for rules that observe currents what that is in
            a typical resistor.
        edges: not fewer.

    Raises:
        ModelError: the network is not linear; even with all edges the targets cannot be met, or the constant is 0.
        TaskError: the task does not fit.
    """
    if loss is None:
        loss = LEARNED * (network.typical_conductance**2 if rule.loss_unit == "A²" else 1.0)
    here = _judge(network, (), Cut.of(network, task), task, rule, loss)
    if here is None:
        raise ModelError(
            "even with all edges the circuit cannot meet its targets, or its coercivity constant is 0, so that none can go; "
            "hwlearn analyze says why"
        )
    stages, least = [here], Cut.of(network, task)
    while here.edges > edges:
        found = _next(here, least, task, rule, loss)
        if found is None:
            return Pruning(task, rule, loss, tuple(stages), "without any other edge the targets cannot be learned")
        here, least = found
        stages.append(here)
    return Pruning(task, rule, loss, tuple(stages), f"{edges} edges were asked for")


def _next(here: Pruned, least: Cut, task: Task, rule: Rule, loss: float) -> tuple[Pruned, Cut] | None:
    """With one edge less, the best of the `JUDGED` most promising that can go."""
    found: list[tuple[Pruned, Cut]] = []
    names = here.network.edge_names
    for k in _ranked(here, least, task, rule, loss):
        network = without(here.network, k)
        if network is None:
            continue
        cut = least.without(k)
        cut = replace(cut, edges=cut.edges - (cut.edges > k))
        judged = _judge(network, (*here.gone, names[k]), cut, task, rule, loss)
        if judged is not None:
            found.append((judged, cut))
        if len(found) == JUDGED:
            break
    return min(found, key=lambda one: one[0].score) if found else None


def _ranked(here: Pruned, least: Cut, task: Task, rule: Rule, loss: float) -> list[int]:
    """Edges of the network without which the task can still be learned, to first order, the fewest steps first."""
    there = Cut.of(here.network.with_conductances(here.conductances), task)
    found = there.rates_without(dynamics(rule))
    kappa = condition(found)
    error = least.errors_without
    losses = 0.5 * np.mean(np.sum(error**2, axis=2), axis=1)
    learned = loss / (here.network.typical_conductance**2 if rule.loss_unit == "A²" else 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log(np.maximum(losses / learned, 1.0)) / (-2 * np.log((kappa - 1) / (kappa + 1)))
    steps = np.where(np.isnan(steps), 0.0, steps)
    left = np.isfinite(kappa) & (found[:, 0] > COERCIVE * found[:, -1])
    order = np.lexsort((losses, kappa, steps))
    return [int(there.edges[k]) for k in order if left[k]]


def _judge(network: Network, gone: tuple[str, ...], cut: Cut, task: Task, rule: Rule, loss: float) -> Pruned | None:
    """The circuit, trained again; None if it cannot learn the task."""
    on = project(network, task)
    if not on.reached:
        return None
    with ExactCircuit(network) as circuit, warnings.catch_warnings():
        warnings.simplefilter("ignore", HwlearnWarning)  # of a rate that is too large for the first steps: the result tells
        result = train(circuit, task, rule, steps=MOST, stop_loss=loss, trajectory=0)
    learned = result.stopped_because == "loss"
    end = result.conductances if learned else on.conductances
    there = Cut.of(network.with_conductances(end), task)
    plain = there.rates("ep") * len(task)
    if not plain[0] > COERCIVE * plain[-1]:
        return None
    own = there.rates(dynamics(rule))
    after = Cut.of(network.with_conductances(result.conductances), task).rms
    steps = result.steps if learned else None
    floor = there.floor(OFF)
    return Pruned(network, gone, cut.rms, after, steps, float(condition(own)), float(plain[0]), floor, end)


def dynamics(rule: Rule) -> str:
    """The rule of the table whose rates a rule has near a solution: other rules than EP, CL and AL learn as CL does there."""
    return rule.name if rule.name in POWERS else "cl"


def without(network: Network, edge: int) -> Network | None:
    """Without an edge, and without a node that hung on it alone; None if a port would hang, or other nodes."""
    stays = np.arange(len(network.edges)) != edge
    try:
        return Network.from_edges(
            [pair[:2] for pair, kept in zip(network.edges, stays, strict=True) if kept],
            network.conductances[stays],
            inputs=network.inputs,
            outputs=network.outputs,
            names=[name for name, kept in zip(network.edge_names, stays, strict=True) if kept],
            trainable=network.trainable[stays],
            bounds=(network.lower[stays], network.upper[stays]),
            fixed_sources=network.fixed_sources,
            title=network.title,
        )
    except NetworkError:
        return None
