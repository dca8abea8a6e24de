"""`solve_projected`: an initial value problem within bounds, without chattering at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from hwlearn.arrays import Array
from hwlearn.errors import SimulationError

Event = Callable[[float, Array], float]

PATIENCE = 20
"""So many pieces in a row may take no time; then a state goes to and fro at its bound."""


@dataclass(frozen=True, eq=False)
class Projected:
    """What `solve_projected` found, named as in scipy's `solve_ivp`.

    Attributes:
        t: (T,) times. y: (E, T) states, within the bounds.
        t_events, y_events: for each event of the caller, when and where it was zero.
        nfev: how often the direction was asked for by the integrator.
        status: 0 the end was reached, 1 a terminal event of the caller came before.
    """

    t: Array
    y: Array
    t_events: list[Array]
    y_events: list[Array]
    nfev: int
    status: int


def solve_projected(
    direction: Callable[[float, Array], Array],
    span: tuple[float, float],
    start: Array,
    bounds: tuple[Array, Array],
    *,
    t_eval: Array | None = None,
    events: Sequence[Event] = (),
    **options: Any,
) -> Projected:
    """Integrate ẏ = direction(t, y); a component at a bound stays while its direction points outwards.

    The right side jumps where a component meets or leaves its bound. So the integration stops there and begins anew: within a
    piece the same components are held, and the right side is smooth.

    Args:
        direction: (t, y) → (E,), without any regard to the bounds.
        span: start and end time.
        start: (E,), within the bounds.
        bounds: lower and upper, (E,) each.
        t_eval, events: as in `solve_ivp`.
        options: of `solve_ivp`.

    Raises:
        SimulationError: the integrator failed, or a component goes to and fro at its bound.
    """
    (now, end), state = span, np.clip(start, *bounds)
    held = pressed(direction(now, state), state, bounds)
    times: list[Array] = []
    states: list[Array] = []
    evaluations = waits = 0
    found: list[list[tuple[float, Array]]] = [[] for _ in events]
    while True:
        piece = solve_ivp(
            lambda t, y, fixed=held: np.where(fixed, 0.0, direction(t, y)),
            (now, end),
            state,
            t_eval=None if t_eval is None else t_eval[t_eval >= now],
            events=[_steady(event) for event in (*events, _meets(bounds, held), _leaves(direction, bounds, held))],
            **options,
        )
        if piece.status < 0:
            raise SimulationError(
                f"the flow stopped at t = {piece.t[-1] if len(piece.t) else now:g}: {piece.message}; try method='Radau'"
            )
        repeated = int(bool(times) and t_eval is None)
        times.append(piece.t[repeated:])
        states.append(np.reshape(piece.y, (len(state), -1))[:, repeated:])
        evaluations += int(piece.nfev)
        for seen, when, where in zip(found, piece.t_events, piece.y_events, strict=False):
            seen.extend(zip(when.tolist(), where, strict=True))
        meets, leaves = (list(zip(piece.t_events[k], piece.y_events[k], strict=True)) for k in (-2, -1))
        if not meets and not leaves:
            break
        before, (now, state) = now, (leaves or meets)[-1]
        waits = waits + 1 if now == before else 0
        if waits > PATIENCE:
            raise SimulationError(
                f"the flow stopped at t = {now:g}: component {_nearest(state, bounds, held)} goes to and fro at its bound"
            )
        if now >= end:
            break
        state, held = _changed(direction, float(now), state, held, bounds, leaving=bool(leaves))
    y = np.clip(np.hstack(states), bounds[0][:, None], bounds[1][:, None])
    return Projected(
        np.concatenate(times),
        y,
        [np.array([t for t, _ in seen]) for seen in found],
        [np.array([y for _, y in seen]) for seen in found],
        evaluations,
        int(piece.status and not meets and not leaves),
    )


def pressed(direction: Array, state: Array, bounds: tuple[Array, Array]) -> NDArray[np.bool_]:
    """Components at a bound whose direction points outwards."""
    lower, upper = bounds
    return ((state <= lower) & (direction < 0)) | ((state >= upper) & (direction > 0))


def _nearest(state: Array, bounds: tuple[Array, Array], held: NDArray[np.bool_]) -> int:
    """The component that is nearest to a bound, of those that are not held."""
    return int(np.argmin(np.where(held, np.inf, np.minimum(state - bounds[0], bounds[1] - state))))


def _changed(
    direction: Callable[[float, Array], Array],
    now: float,
    state: Array,
    held: NDArray[np.bool_],
    bounds: tuple[Array, Array],
    leaving: bool,
) -> tuple[Array, NDArray[np.bool_]]:
    """State and held components after one component met its bound, or left it."""
    lower, upper = bounds
    held = held.copy()
    if leaving:
        held[np.argmax(np.where(held, _inwards(direction(now, state), state, bounds), -np.inf))] = False
        return np.clip(state, lower, upper), held
    met = _nearest(state, bounds, held)
    state = np.clip(state, lower, upper)
    state[met] = lower[met] if state[met] - lower[met] < upper[met] - state[met] else upper[met]
    held[met] = True
    return state, held


def _inwards(direction: Array, state: Array, bounds: tuple[Array, Array]) -> Array:
    """The direction, positive where it points away from the nearer bound."""
    return np.where(state - bounds[0] < bounds[1] - state, direction, -direction)


def _meets(bounds: tuple[Array, Array], held: NDArray[np.bool_]) -> Event:
    """An event: a component that is not held comes to its bound."""
    free = ~held
    lower, upper = bounds[0][free], bounds[1][free]

    def event(time: float, state: Array) -> float:
        return float(np.minimum(state[free] - lower, upper - state[free]).min(initial=np.inf))

    event.terminal, event.direction = True, -1  # type: ignore[attr-defined]
    return event


def _leaves(direction: Callable[[float, Array], Array], bounds: tuple[Array, Array], held: NDArray[np.bool_]) -> Event:
    """An event: the direction of a held component turns inwards."""

    def event(time: float, state: Array) -> float:
        if not held.any():
            return -1.0
        return float(_inwards(direction(time, state), state, bounds)[held].max())

    event.terminal, event.direction = True, 1  # type: ignore[attr-defined]
    return event


def _steady(event: Event) -> Event:
    """An event with one value at one time: scipy's search for its zero asks again where it found a change of sign, by then
    at an interpolated state, and fails if rounding or noise changes the sign back.
    """
    seen: dict[float, float] = {}

    def steady(time: float, state: Array) -> float:
        if time not in seen:
            seen[time] = event(time, state)
        return seen[time]

    steady.terminal = getattr(event, "terminal", False)  # type: ignore[attr-defined]
    steady.direction = getattr(event, "direction", 0)  # type: ignore[attr-defined]
    return steady
