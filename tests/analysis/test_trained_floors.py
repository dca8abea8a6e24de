"""Predicted error floors beside those at which training on an imperfect circuit ends: the whole chain."""

import numpy as np
import pytest
from floored import GRID, KITE, PROBLEMS, SOLVED, WITHIN, pace, resistor

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    ImperfectCircuit,
    Rule,
    Task,
    train,
)
from hwlearn.analysis.floors import bias_floor, drift_floor, gain_floor, noise_floor, offset_floor
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.circuits.imperfect import Drift, Effect, Noise, NudgeGain, Offset, UpdateBias
from hwlearn.learning.optimizers import DECAY
from hwlearn.learning.train import task_loss
from hwlearn.learning.training_result import TrainState


@pytest.mark.parametrize(
    "rule",
    [EquilibriumPropagation(0.3, symmetric=True), CoupledLearning(0.3), AdjointCoupledLearning(0.3)],
    ids=lambda rule: rule.name,
)
def test_drift_floor(rule: Rule) -> None:
    network, task = GRID.with_conductances(SOLVED["grid"].conductances), PROBLEMS["grid"][1]
    linear = Linearised.of(SOLVED["grid"].jacobian, rule)
    learning_rate, settle = pace(linear)
    for volts, period in [(1e-5, 30), (1e-4, 200), (1e-3, 200)]:
        with ImperfectCircuit(ExactCircuit(network), Drift(volts, period), seed=2) as circuit:
            found = last_losses(circuit, task, rule, learning_rate, 2 * settle + period, period)
            floor = drift_floor(linear, learning_rate, volts, period, circuit.effects[0].phases)  # type: ignore[attr-defined]
        assert found == pytest.approx(floor.loss, rel=WITHIN)
    random = np.random.default_rng(4).uniform(0, 2 * np.pi, (300, len(network.nodes)))
    mean = np.mean([drift_floor(linear, learning_rate, 1e-4, 200, phases).loss for phases in random])
    assert drift_floor(linear, learning_rate, 1e-4, 200).loss == pytest.approx(mean, rel=0.15)


@pytest.mark.parametrize(
    ("rule", "factor"),
    [
        (EquilibriumPropagation(0.3), 0.0),
        (CoupledLearning(0.3, symmetric=True), 0.0),
        (CoupledLearning(0.3), 1 / 0.3),
        (FullClamp(), 1.0),
        (AdjointCoupledLearning(0.3), 1.0),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_gain_floor(rule: Rule, factor: float) -> None:
    network, task = KITE.with_conductances(SOLVED["kite"].conductances), PROBLEMS["kite"][1]
    linear = Linearised.of(SOLVED["kite"].jacobian, rule)
    learning_rate, settle = pace(linear)
    for part in (1e-5, 1e-4, 1e-3):
        with ImperfectCircuit(ExactCircuit(network), NudgeGain(part), seed=3) as circuit:
            train(circuit, task, rule, steps=2 * settle, learning_rate=learning_rate)
            found, outputs = task_loss(circuit.inside, task)
            gains = circuit.effects[0].gains - 1  # type: ignore[attr-defined]
        assert found == pytest.approx(gain_floor(linear, gains).loss, rel=WITHIN, abs=1e-25)
        np.testing.assert_allclose(outputs - task.targets, factor * gains * task.targets, rtol=0.1, atol=1e-12)


@pytest.mark.parametrize("name", ["bias", "offset", "noise"])
@pytest.mark.parametrize("rule", [EquilibriumPropagation(0.3, symmetric=True), CoupledLearning(0.3), FullClamp()])
def test_training_an_imperfect_circuit_ends_at_the_floor(rule: Rule, name: str) -> None:
    """The whole chain: `train` on an `ImperfectCircuit`, its true loss read inside."""
    network, task = GRID.with_conductances(SOLVED["grid"].conductances), PROBLEMS["grid"][1]
    linear = Linearised.of(SOLVED["grid"].jacobian, rule)
    learning_rate, settle = pace(linear)
    effect = {"bias": UpdateBias(1e-5), "offset": Offset(1e-4), "noise": Noise(1e-4)}[name]
    with ImperfectCircuit(ExactCircuit(network), effect, seed=2) as circuit:
        if name == "bias":
            floor = bias_floor(linear, learning_rate, circuit.effects[0].bias)  # type: ignore[attr-defined]
        elif name == "offset":
            floor = offset_floor(linear, circuit.effects[0].offsets)  # type: ignore[attr-defined]
        else:
            floor = noise_floor(linear, learning_rate, 1e-4)
        last = 30 * settle if name == "noise" else 1
        found = last_losses(circuit, task, rule, learning_rate, 3 * settle + last, last)
    assert found == pytest.approx(floor.loss, rel=WITHIN)


def test_momentum_lowers_the_floor_of_bias_a_hundredfold_and_nothing_else() -> None:
    """Under an update bias (two decades), under noise, and under drift of the readings."""
    task, rule = PROBLEMS["grid"][1], EquilibriumPropagation(0.1, symmetric=True)
    network = GRID.with_conductances(SOLVED["grid"].conductances * np.random.default_rng(7).uniform(0.99, 1.01, 12))
    linear = Linearised.of(SOLVED["grid"].jacobian, rule)
    learning_rate, _ = pace(linear)

    def end(effect: Effect, steps: int, last: int) -> tuple[float, ImperfectCircuit]:
        with ImperfectCircuit(ExactCircuit(network), effect, seed=2) as circuit:
            return last_losses(circuit, task, rule, learning_rate, steps, last, "momentum"), circuit

    for size in (1e-6, 1e-5, 1e-4):
        found, circuit = end(UpdateBias(size), 700, 1)
        bias = circuit.effects[0].bias  # type: ignore[attr-defined]
        there = Linearised.of(jacobian(network, task, circuit.inside.conductances), rule)
        floor = bias_floor(there, learning_rate, bias, DECAY)
        assert found == pytest.approx(floor.loss, rel=WITHIN)
        assert floor.loss == pytest.approx(bias_floor(there, learning_rate, bias).loss / 100)
    found, _ = end(Noise(1e-4), 3000, 2600)
    floor = noise_floor(linear, learning_rate, 1e-4, decay=DECAY)
    assert found == pytest.approx(floor.loss, rel=WITHIN)
    assert floor.loss > 5 * noise_floor(linear, learning_rate, 1e-4).loss
    for period in (30, 200):
        found, circuit = end(Drift(1e-4, period), 300 + period, period)
        phases = circuit.effects[0].phases  # type: ignore[attr-defined]
        floor = drift_floor(linear, learning_rate, 1e-4, period, phases, decay=DECAY)
        assert found == pytest.approx(floor.loss, rel=WITHIN)
        assert floor.loss > drift_floor(linear, learning_rate, 1e-4, period, phases).loss


def test_floor_of_least_counts() -> None:
    """Reading noise of half a least count makes it one more noise."""
    network, task = GRID.with_conductances(SOLVED["grid"].conductances), PROBLEMS["grid"][1]
    rule = EquilibriumPropagation(0.1, symmetric=True)
    linear = Linearised.of(SOLVED["grid"].jacobian, rule)
    learning_rate, settle = pace(linear)
    for lsb in (1e-5, 1e-4, 1e-3):
        effect = Noise(lsb / 2, lsb=lsb)
        with ImperfectCircuit(ExactCircuit(network), effect, seed=2) as circuit:
            found = last_losses(circuit, task, rule, learning_rate, 24 * settle, 22 * settle)
        assert found == pytest.approx(noise_floor(linear, learning_rate, effect.noise).loss, rel=WITHIN)


def last_losses(
    circuit: ImperfectCircuit,
    task: Task,
    rule: Rule,
    learning_rate: float,
    steps: int,
    last: int,
    optimizer: str = "plain",
) -> float:
    """Train, and take the mean of the true loss over the last steps."""
    losses = []

    def note(state: TrainState) -> None:
        if state.step > steps - last:
            losses.append(task_loss(circuit.inside, task)[0])

    train(circuit, task, rule, steps=steps, learning_rate=learning_rate, optimizer=optimizer, callbacks=[note])
    return float(np.mean(losses))


@pytest.mark.parametrize(("symmetric", "gained", "moved"), [(False, 1.0, 0.0), (True, 0.0, -1.0)])
def test_gains_and_offsets_of_a_resistor_that_nudges(symmetric: bool, gained: float, moved: float) -> None:
    """One-sided it pulls to the targets as the source makes them, whatever the outputs read."""
    network, task = KITE.with_conductances(SOLVED["kite"].conductances), PROBLEMS["kite"][1]
    rule = resistor(0.3, symmetric)
    linear = Linearised.of(SOLVED["kite"].jacobian, rule)
    learning_rate, settle = pace(linear)
    with ImperfectCircuit(ExactCircuit(network), NudgeGain(1e-4), seed=3) as circuit:
        train(circuit, task, rule, steps=2 * settle, learning_rate=learning_rate)
        found, outputs = task_loss(circuit.inside, task)
        gains = circuit.effects[0].gains - 1  # type: ignore[attr-defined]
    np.testing.assert_allclose(outputs - task.targets, gained * gains * task.targets, rtol=0.1, atol=1e-12)
    assert found == pytest.approx(gain_floor(linear, gains).loss, rel=WITHIN, abs=1e-25)
    with ImperfectCircuit(ExactCircuit(network), Offset(1e-4), seed=3) as circuit:
        train(circuit, task, rule, steps=2 * settle, learning_rate=learning_rate)
        found, outputs = task_loss(circuit.inside, task)
        offsets = circuit.effects[0].offsets  # type: ignore[attr-defined]
    seen = network.port_incidence @ offsets
    np.testing.assert_allclose(outputs - task.targets, [moved * seen], rtol=0.1, atol=1e-10)
    assert found == pytest.approx(offset_floor(linear, offsets).loss, rel=WITHIN, abs=1e-20)
