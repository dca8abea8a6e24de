"""What noise and the nudge itself do to a direction, and the nudge that is best: predicted beside simulated."""

import numpy as np
import pytest
from floored import GRID, KITE, RULES, SOLVED, WITHIN, resistor
from replicas import Replicas

from hwlearn import (
    Drive,
    ExactCircuit,
    ImperfectCircuit,
    Inject,
    Task,
)
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.nudging import best_nudge, direction_error, repeats_for, smallest_current
from hwlearn.circuits.imperfect import Noise
from hwlearn.errors import HwlearnError


@pytest.mark.parametrize("rule", list(RULES))
def test_best_nudge(rule: str) -> None:
    """Two decades around the predicted best nudge: the error is as predicted, and smallest there."""
    task, g, volts = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), np.array(KITE.conductances), 1e-3
    true = Replicas(KITE, task, rule, 1e-2, True).direction(g[None])[0]
    at = jacobian(KITE, task)
    best = best_nudge(Linearised(at, rule, 1.0, False), volts, volts)
    found = []
    for nudge in best * np.array([0.1, 0.3, 1.0, 3.0, 10.0]):
        read = Replicas(KITE, task, rule, nudge, False, volts=volts, amperes=volts).direction(np.tile(g, (3000, 1)))
        found.append(np.sqrt(((read - true) ** 2).sum(axis=1).mean()))
        assert found[-1] == pytest.approx(direction_error(Linearised(at, rule, nudge, False), volts, volts), rel=WITHIN)
    assert np.argmin(found) == 2
    assert best_nudge(Linearised(at, rule, 1.0, True), volts) == np.inf


def test_repeats_for_a_wanted_error() -> None:
    at = jacobian(KITE, Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]))
    linear = Linearised(at, "ep", 0.1, False)
    wanted = 0.3 * direction_error(linear, 1e-3)
    repeats = repeats_for(linear, 1e-3, wanted)
    assert direction_error(linear, 1e-3, repeats=repeats) <= wanted < direction_error(linear, 1e-3, repeats=repeats - 1)
    with pytest.raises(HwlearnError, match="alone errs by"):
        repeats_for(linear, 1e-3, 1e-9)


def test_smallest_current_stands_out_by_its_sigmas() -> None:
    volts, sigmas = 1e-4, 3.0
    at = SOLVED["grid"].jacobian
    current = smallest_current(Linearised(at, "ep", 0.1, False), volts, sigmas=sigmas)
    assert np.isfinite(current).any()
    circuit = ImperfectCircuit(ExactCircuit(GRID.with_conductances(at.conductances)), Noise(volts), seed=1)
    inputs = np.repeat([[1.0, 0.0]], 4000, axis=0)
    for edge in (0, 5):
        nudge = np.array([[current[edge, 0], 0.0]])
        change = circuit.measure(Drive(inputs, Inject(nudge))).edge_drops() - circuit.measure(Drive(inputs)).edge_drops()
        change = change[:, edge]
        assert abs(change.mean()) / change.std() == pytest.approx(sigmas, rel=0.1)
    both = smallest_current(Linearised(at, "ep", 0.1, True), volts, repeats=4, sigmas=sigmas)
    np.testing.assert_allclose(both, current / 4)


@pytest.mark.parametrize("symmetric", [False, True])
def test_noise_and_bias_of_a_resistor_that_nudges(symmetric: bool) -> None:
    """By phases on a noisy circuit, against −Jᵀ(1 + βR)⁻¹e."""
    task, volts = Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]), 1e-3
    at = jacobian(KITE, task)
    for nudge in (0.02, 0.2, 2.0):
        rule = resistor(nudge, symmetric)
        true = resistor(nudge, True).direction(ExactCircuit(KITE), task)
        with ImperfectCircuit(ExactCircuit(KITE), Noise(volts), seed=2) as circuit:
            read = np.array([rule.direction(circuit, task) for _ in range(600)])
        found = np.sqrt(((read - true) ** 2).sum(axis=1).mean())
        assert found == pytest.approx(direction_error(Linearised.of(at, rule), volts), rel=WITHIN)


def test_best_resistor() -> None:
    """One-sided: least error relative to the direction, which fades with the nudge. Symmetric: the larger the better."""
    at, volts = jacobian(KITE, Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]])), 1e-3
    best = best_nudge(Linearised.of(at, resistor(1.0, False)), volts)

    def relative(nudge: float) -> float:
        true = resistor(nudge, True).direction(ExactCircuit(KITE), Task([[1.0, 0.0]], [[0.6, 0.5, 0.4]]))
        return float(direction_error(Linearised.of(at, resistor(nudge, False)), volts) / np.linalg.norm(true))

    assert relative(best) < min(relative(0.8 * best), relative(1.25 * best))
    assert best_nudge(Linearised.of(at, resistor(1.0, True)), volts) == np.inf
