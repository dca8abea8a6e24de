"""`flow`: learning in continuous time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hwlearn.arrays import Array
from hwlearn.circuits.base import Circuit
from hwlearn.errors import HwlearnError
from hwlearn.learning.arguments import check_circuit, check_rule, check_task
from hwlearn.learning.projected import Event, solve_projected
from hwlearn.learning.rule import Reading, Rule
from hwlearn.learning.task import Task
from hwlearn.learning.trajectory import ROWS, Trajectory, most_points, thinned
from hwlearn.progress import with_time


@dataclass(frozen=True, eq=False)
class FlowResult:
    """The course and the end of a flow. What a `TrainResult` has as well has the same name and shape in both.

    Attributes:
        conductances: (E,) S at the end; the circuit is left with these.
        at: (T,) times, from the first of `t_span` on: of the integrator's steps, or those of `t_eval`.
        losses: (T,) the loss that the rule observes at these times [`Rule.loss_unit`].
        evaluations: how many directions were measured.
        stopped_because: "time" (end of t_span), "loss" (`stop_loss` reached) or "event" (a terminal event of the caller).
        event_times: for each event of the caller, the times at which it was zero.
        trajectory: conductances along the flow, at all times of `t_eval` if they were given.
    """

    conductances: Array
    at: Array
    losses: Array
    evaluations: int
    stopped_because: Literal["time", "loss", "event"]
    event_times: list[Array]
    trajectory: Trajectory

    @property
    def steps(self) -> int:
        """How many steps the times are apart."""
        return len(self.at) - 1

    def __repr__(self) -> str:
        ended = f"t = {self.at[0]:.4g} … {self.at[-1]:.4g} (stopped because: {self.stopped_because})"
        return f"<FlowResult: {ended}, loss {self.losses[0]:.4g} → {self.losses[-1]:.4g}>"


@with_time
def flow(
    circuit: Circuit,
    task: Task,
    rule: Rule,
    t_span: tuple[float, float] | float,
    *,
    method: str = "LSODA",
    rtol: float = 1e-8,
    atol: float | None = None,
    t_eval: ArrayLike | None = None,
    events: Event | Sequence[Event] = (),
    stop_loss: float | None = None,
    trajectory: int = ROWS,
    progress: Callable[[float, float], object] | Literal[True] | None = None,
    accepted: Callable[[float, Array, Reading], object] | None = None,
) -> FlowResult:
    """Integrate dg/dt = ġ (docs/theory.md) over the trainable edges with scipy's `solve_ivp`.

    At a bound the flow is projected: an edge stays there while its direction points outwards.
    In one piece, since its steps share the circuit's state with the integrator's.

    Args:
        circuit: programmed and measured at every evaluation.
        task, rule: as in `train`.
        t_span: (start, end), or the end alone.
        method, rtol, atol, t_eval: as in `scipy.integrate.solve_ivp`; atol [S] defaults to 1e-10 of the mean conductance.
            LSODA and the implicit methods take a Jacobian by differences, one direction per trainable edge, when the flow
            is stiff; for thousands of edges take "RK45" or "DOP853".
        events: functions (t, g) → float with g (E,) S, zero at the event; attributes `terminal` and `direction` as in scipy.
        stop_loss: stop when the observed loss falls to it [`Rule.loss_unit`].
        trajectory: as in `train`.
        progress: called with (t, loss) after every measurement; True shows a bar, on a terminal and in a notebook.
        accepted: called with t, the conductances (E,) [S] and what is read there, at the start and after every step of the
            integrator.

    Raises:
        SimulationError: a phase could not be measured, or the integrator failed.
    """
    check_circuit(circuit)
    check_task(task)
    check_rule(rule)
    network = circuit.network
    task.check(network)
    task = rule.sufficient(circuit, task)
    start, end = (0.0, float(t_span)) if np.isscalar(t_span) else (float(t) for t in t_span)  # type: ignore[union-attr, arg-type]
    if not (end > start and math.isfinite(end - start)):
        raise HwlearnError(f"t_span runs from {start:g} to {end:g}; it must run forwards, to a finite end")
    free = np.flatnonzero(network.trainable)
    lower, upper = network.lower[free], network.upper[free]
    base = circuit.conductances.copy()

    def whole(part: Array) -> Array:
        g = base.copy()
        g[free] = np.clip(part, lower, upper)
        return g

    last: tuple[bytes, Reading] | None = None
    seen = dict[float, float]()

    def read(time: float, part: Array) -> Reading:
        nonlocal last
        key = part.tobytes()
        if last is None or last[0] != key:
            circuit.program(whole(part))
            last = key, rule.read(circuit, task)
            if callable(progress):
                progress(time, last[1].loss)
        return last[1]

    def loss_at(time: float, part: Array) -> float:
        return seen[time] if time in seen else read(time, part).loss

    own = [events] if callable(events) else list(events)
    watched = [_on_whole(event, whole) for event in own]
    if stop_loss is not None:
        limit = float(stop_loss)

        def reached(time: float, part: Array) -> float:
            return read(time, part).loss - limit

        reached.terminal = True  # type: ignore[attr-defined]
        reached.direction = -1  # type: ignore[attr-defined]
        watched.append(reached)
    if accepted is not None:

        def watch(time: float, part: Array) -> float:
            """An event that never comes: the integrator looks for it after every step."""
            if time not in seen:
                reading = read(time, part)
                seen[time] = reading.loss
                accepted(time, whole(part), reading)
            return 1.0

        watched.append(watch)
    initial, kept = base[free], most_points(trajectory, 8 * len(base))
    if stop_loss is not None and (loss := read(start, initial).loss) <= stop_loss:
        at = np.array([start])
        path = Trajectory(at[:kept], base[None][:kept])
        return FlowResult(base, at, np.array([loss]), 1, "loss", [np.empty(0)] * len(own), path)
    solution = solve_projected(
        lambda time, part: read(time, part).direction[free],
        (start, end),
        initial,
        (lower, upper),
        method=method,
        rtol=rtol,
        atol=1e-10 * float(base.mean()) if atol is None else atol,
        t_eval=None if t_eval is None else np.asarray(t_eval, dtype=np.float64),
        events=watched,
    )
    times, states = solution.t, solution.y.T
    event_times = solution.t_events[: len(own) + (stop_loss is not None)]
    stopped: Literal["time", "loss", "event"] = "time"
    if solution.status == 1:
        hit_loss = stop_loss is not None and len(event_times[-1]) > 0
        stopped = "loss" if hit_loss else "event"
        hits = [(t[-1], y[-1]) for t, y in zip(event_times, solution.y_events, strict=False) if len(t)]
        when, where = max(hits, key=lambda hit: float(hit[0]))
        if not len(times) or when > times[-1]:
            times, states = np.r_[times, when], np.vstack((states.reshape(-1, len(free)), where))
    losses = np.array([loss_at(time, part) for time, part in zip(times.tolist(), states, strict=True)])
    rows = thinned(len(times), kept) if t_eval is None else np.arange(len(times))
    path = Trajectory(times[rows], np.array([whole(states[k]) for k in rows]).reshape(len(rows), len(base)))
    realised = circuit.program(whole(states[-1]))
    return FlowResult(realised, times, losses, solution.nfev, stopped, event_times[: len(own)], path)


def _on_whole(event: Event, whole: Callable[[Array], Array]) -> Event:
    """The caller's event of all conductances as an event of the trainable ones."""

    def watched(time: float, part: Array) -> float:
        return event(time, whole(part))

    watched.terminal = getattr(event, "terminal", False)  # type: ignore[attr-defined]
    watched.direction = getattr(event, "direction", 0)  # type: ignore[attr-defined]
    return watched
