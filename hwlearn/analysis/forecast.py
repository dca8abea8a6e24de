"""Where training will end: the point of the solution manifold that a rule's flow reaches from a start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwlearn.analysis.convergence import mass
from hwlearn.analysis.jacobian import RANK_TOLERANCE, Jacobian, take
from hwlearn.analysis.manifold import REACHED
from hwlearn.arrays import Array
from hwlearn.circuits.exact.circuit import ExactCircuit
from hwlearn.errors import HwlearnError, SimulationError
from hwlearn.learning.flow import flow
from hwlearn.learning.losses import SquaredError
from hwlearn.learning.projected import Event, pressed
from hwlearn.learning.rule import Rule
from hwlearn.learning.task import Task
from hwlearn.network import Network

NEAR = 1e-4
"""The flow is left for the projection once what is missing is below this part of the conductances; 1e-8 of them is lost."""

STILL = 1e-6
"""A flow has settled once it would take longer than it has taken so far to move by this part of the conductances."""

LONGEST = 1e8
"""The flow is followed for at most so many times the time of the fastest mode."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """Where a rule's flow (small steps, small nudges) ends.

    Attributes:
        network: with the conductances that it starts from.
        rule: its name.
        conductances: (E,) S at the end.
        rms: root mean square error of the outputs at the end [V].
        reached: the end is on the solution manifold.
        settled: the end is an end; otherwise the flow still crept when it was left.
        time: flow time after which the end is `NEAR`, in units of the rule's flow.
    """

    network: Network
    rule: str
    conductances: Array
    rms: float
    reached: bool
    settled: bool
    time: float

    def __repr__(self) -> str:
        end = "on the targets" if self.reached else f"{self.rms:.3g} V rms from the targets"
        return f"<Forecast of {self.rule} on {self.network.title}: ends {end}, {len(self.at_bounds)} edges at a bound>"

    @property
    def masses(self) -> tuple[float, float]:
        """½ Σ g² of the trainable edges at the start and at the end [S²] (arXiv:2606.15444)."""
        free = self.network.trainable
        return float(mass(self.network.conductances[free])), float(mass(self.conductances[free]))

    @cached_property
    def at_bounds(self) -> list[str]:
        """Names of the trainable edges that end at a bound."""
        return [self.network.edge_names[k] for k in np.flatnonzero(self.network.trainable & (self._margins <= 1 + 1e-9))]

    @cached_property
    def closest(self) -> tuple[str, float] | None:
        """The trainable edge that ends closest to a bound, not at it, and by which factor it could still move."""
        inside = np.flatnonzero(self.network.trainable & (self._margins > 1 + 1e-9))
        if not len(inside):
            return None
        edge = inside[np.argmin(self._margins[inside])]
        return self.network.edge_names[edge], float(self._margins[edge])

    @property
    def _margins(self) -> Array:
        """(E,): factor from each conductance to the nearer of its bounds, ≥ 1."""
        lower = np.divide(
            self.conductances, self.network.lower, out=np.full(len(self.conductances), np.inf), where=self.network.lower > 0
        )
        return np.minimum(lower, self.network.upper / self.conductances)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        start, end = self.masses
        return {
            "rule": self.rule,
            "conductances": dict(zip(self.network.edge_names, self.conductances.tolist(), strict=True)),
            "rms": self.rms,
            "reached": self.reached,
            "settled": self.settled,
            "time": self.time,
            "mass": [start, end],
            "at_bounds": self.at_bounds,
            "closest_to_a_bound": self.closest and list(self.closest),
        }


def forecast(network: Network, task: Task, rule: Rule, start: ArrayLike | None = None) -> Forecast:
    """Follow the rule's flow on the exact model until its end is known.

    Near the manifold every rule of the table moves by ġ = −Jᵀ W e, with W = 1, R⁻¹ or R⁻². Whatever W is,
    ∫ ġ dt = −Jᵀ (J Jᵀ)⁻¹ e: what is left of the way is the shortest one. So the flow is integrated until this step is
    small against the conductances, and Newton's iteration does the rest. Targets that cannot be reached are approached until
    the flow stands still. Edges at a bound stay while the flow presses them outwards.

    Args:
        network: linear.
        task: what is learned.
        rule: with its loss.
        start: (E,) S; the network's conductances if not given.

    Raises:
        ModelError, TaskError: the network is not linear, or the task does not fit.
        SimulationError: the integrator failed.
        HwlearnError: the loss jumps; where it does, a flow can go neither on nor back.
    """
    task.check(network)
    if rule.loss.jumps:
        raise HwlearnError(f"the loss {rule.loss.name} jumps, and its flow has no end that could be told: train, and see")
    begun = network if start is None else network.with_conductances(start)
    with ExactCircuit(begun) as circuit:
        pace = float(np.linalg.norm(rule.direction(circuit, task)) / np.linalg.norm(begun.conductances))
        if not pace:
            return _told(begun, rule, take(circuit, task), settled=True, time=0.0)
        squared = isinstance(rule.loss, SquaredError)

        def missing(time: float, conductances: Array) -> float:
            circuit.program(conductances)
            moving = _inward(begun, conductances, rule.direction(circuit, task))
            speed = float(np.linalg.norm(moving) / np.linalg.norm(conductances))
            still = speed * time / STILL if time * pace > 10 else np.inf
            near = _way(circuit, task, moving != 0) / NEAR if squared else np.inf
            return float(np.clip(np.log(max(min(still, near), 1e-30)), -50, 50))

        missing.terminal = True  # type: ignore[attr-defined]
        time, settled = 0.0, missing(0.0, begun.conductances) <= 0
        circuit.program(begun.conductances)
        if not settled:
            time, settled = _follow(circuit, task, rule, LONGEST / pace, missing)
        if squared:
            _land(circuit, task, rule)
        return _told(begun, rule, take(circuit, task), settled, time)


def in_order(network: Network, tasks: Sequence[Task], rule: Rule) -> tuple[list[Forecast], Array]:
    """Learn tasks one after the other, each to its end: what is forgotten.

    Returns:
        The forecast of each stage, and (K, K) V: the rms error of task k (column) after stage j (row).
    """
    stages: list[Forecast] = []
    errors = np.empty((len(tasks), len(tasks)))
    here = network
    for stage, task in enumerate(tasks):
        stages.append(forecast(here, task, rule))
        here = here.with_conductances(stages[-1].conductances)
        with ExactCircuit(here) as circuit:
            errors[stage] = [take(circuit, other).rms for other in tasks]
    return stages, errors


def _follow(circuit: ExactCircuit, task: Task, rule: Rule, longest: float, missing: Event) -> tuple[float, bool]:
    """Integrate until the event; the time, and whether it came. What LSODA gives up (edges that fade), Radau follows."""
    start = circuit.conductances.copy()
    try:
        result = flow(circuit, task, rule, longest, events=missing, rtol=1e-10)
    except SimulationError:
        circuit.program(start)
        result = flow(circuit, task, rule, longest, events=missing, rtol=1e-10, method="Radau")
    return float(result.at[-1]), result.stopped_because == "event"


def _inward(network: Network, conductances: Array, direction: Array) -> Array:
    """The direction, zero where an edge at a bound is pressed outwards."""
    return np.where(pressed(direction, conductances, (network.lower, network.upper)), 0.0, direction)


def _step(found: Jacobian, moving: NDArray[np.bool_]) -> tuple[Array, float]:
    """The shortest step (E,) S of the moving edges onto the manifold, to first order, and the error that it leaves [V]."""
    error = found.outputs - found.targets
    mixing, rows = found.independent()
    rows = np.where(moving, rows, 0.0)
    inside = (mixing.T @ error).ravel()
    step = np.asarray(-np.linalg.lstsq(rows, inside, rcond=RANK_TOLERANCE)[0], dtype=np.float64)
    left = np.linalg.norm(error - mixing @ (mixing.T @ error)) + np.linalg.norm(inside + rows @ step)
    return step, float(left)


def _way(circuit: ExactCircuit, task: Task, moving: NDArray[np.bool_]) -> float:
    """Length of the shortest step to the manifold over that of the conductances; infinite if it does not lead there."""
    network, here = circuit.network, circuit.conductances
    found = take(circuit, task)
    step, left = _step(found, moving)
    there = here + step
    outside = ((there < network.lower) | (there > network.upper))[network.trainable].any()
    return np.inf if outside or left > REACHED * found.size else float(np.linalg.norm(step) / np.linalg.norm(here))


def _land(circuit: ExactCircuit, task: Task, rule: Rule) -> None:
    """Newton's iteration from near the manifold onto it; does nothing elsewhere."""
    network = circuit.network
    moving = _inward(network, circuit.conductances, rule.direction(circuit, task)) != 0
    if _way(circuit, task, moving) > NEAR * 1.01:
        return
    for _ in range(4):
        step, _ = _step(take(circuit, task), moving)
        circuit.program(np.where(network.trainable, circuit.conductances + step, circuit.conductances))


def _told(network: Network, rule: Rule, end: Jacobian, settled: bool, time: float) -> Forecast:
    return Forecast(network, rule.name, end.conductances, end.rms, end.rms <= REACHED * end.size, settled, time)
