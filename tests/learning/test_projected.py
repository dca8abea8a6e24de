"""A flow within bounds follows what can be written down by hand, and does not chatter at them."""

from dataclasses import replace

import numpy as np
import pytest

from hwlearn import EquilibriumPropagation, ExactCircuit, Task, flow
from hwlearn.arrays import Array
from hwlearn.learning.projected import solve_projected
from hwlearn.network.builders import kite

TIGHT = {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}


def _bounds(*pairs: tuple[float, float]) -> tuple[Array, Array]:
    lower, upper = zip(*pairs, strict=True)
    return np.array(lower), np.array(upper)


def test_a_component_is_held_at_its_bound_and_let_go_when_its_direction_turns() -> None:
    """ẏ = cos t from 0, upper bound ½: held from sin t = ½ (t = π/6) until cos t turns (t = π/2), then ½ + sin t − 1."""
    times = np.linspace(0, 4, 401)
    found = solve_projected(lambda t, y: np.array([np.cos(t)]), (0, 4), np.zeros(1), _bounds((-9, 0.5)), t_eval=times, **TIGHT)
    expected = np.where(times < np.pi / 6, np.sin(times), np.where(times < np.pi / 2, 0.5, np.sin(times) - 0.5))
    assert found.t == pytest.approx(times)
    assert found.y[0] == pytest.approx(expected, abs=1e-8)
    assert found.status == 0


@pytest.mark.parametrize("method", ["LSODA", "RK45", "Radau"])
def test_what_is_held_changes_where_the_others_go(method: str) -> None:
    """ẋ = −1, ẏ = x − y with x ≥ 0: y(t) = (2 − t) − 1·… up to t = 1, e^{−(t − 1)} y(1) after it."""
    direction = lambda t, y: np.array([-1.0, y[0] - y[1]])  # noqa: E731
    found = solve_projected(direction, (0, 6), np.array([1.0, 0.0]), _bounds((0, 9), (-9, 9)), **{**TIGHT, "method": method})
    at_one = 2 - 2 * np.exp(-1) - 1  # y = 2 − t − 2 e^{−t}
    assert found.y[0, -1] == 0.0
    assert found.y[1, -1] == pytest.approx(at_one * np.exp(-5), rel=1e-6)
    assert (np.diff(found.t) > 0).all()


def test_events_of_the_caller_are_seen_in_every_piece() -> None:
    crossing = lambda t, y: y[1] - 2.0  # noqa: E731
    found = solve_projected(
        lambda t, y: np.array([-1.0, 1.0]), (0, 5), np.array([1.0, 0.0]), _bounds((0, 9), (-9, 9)), events=[crossing], **TIGHT
    )
    assert found.t_events[0] == pytest.approx([2.0])
    assert found.y_events[0][0] == pytest.approx([0.0, 2.0])


def test_a_flow_to_targets_out_of_reach_takes_few_measurements_at_its_bounds() -> None:
    """With bounds that are jumps of the right side, LSODA took steps of 1e-8 of the time and never arrived."""
    network = kite((1.0, 1.5, 1.3, 1.0, 1.0, 1.7))
    near = replace(network, lower=0.9 * network.conductances, upper=1.1 * network.conductances)
    with ExactCircuit(near) as circuit:
        result = flow(circuit, Task([[1.0, 0.0]], [[0.9, 0.5, 0.1]]), EquilibriumPropagation(symmetric=True), 1e3, rtol=1e-10)
    assert result.evaluations < 2000
    end = result.conductances
    assert ((end == near.lower) | (end == near.upper)).sum() >= 4
