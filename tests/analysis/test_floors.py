"""Predicted error floors beside simulated ones, over two decades of each imperfection."""

import numpy as np
import pytest
from replicas import Replicas

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    Drive,
    DualCoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    FullClamp,
    ImperfectCircuit,
    Inject,
    Rule,
    Task,
    train,
)
from hwlearn.analysis.floors import Floor, bias_floor, drift_floor, gain_floor, noise_floor, offset_floor, one_sided_floor
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.analysis.nudging import best_nudge, direction_error, repeats_for, smallest_current
from hwlearn.circuits.imperfect import Drift, Effect, Noise, NudgeGain, Offset, UpdateBias
from hwlearn.errors import HwlearnError
from hwlearn.learning.optimizers import DECAY
from hwlearn.learning.train import TrainState, task_loss
from hwlearn.network.builders import grid, kite

KITE = kite((1.0, 1.5, 1.3, 1.0, 1.0, 1.7))
GRID = grid(3, 3, np.random.default_rng(0).uniform(0.5, 2, 12), outputs=["n1_1", "n0_2"])
PROBLEMS = {
    "kite": (KITE, Task([[1.0, 0.0]], [[0.7, 0.5, 0.3]])),
    "grid": (GRID, Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.47, 0.56]])),
}
SOLVED = {name: project(network, task) for name, (network, task) in PROBLEMS.items()}
UNREACHABLE = Task([[1.0, 0.0], [0.2, 0.8]], [[0.55, 0.4], [0.67, 0.6]])
"""A port that shows a u₁ + (1 − a) u₂ has one number to meet two targets with."""

RULES = {"ep": EquilibriumPropagation, "cl": CoupledLearning, "al": AdjointCoupledLearning}
WITHIN = 0.2


def near(problem: str, rule: str, nudge: float, symmetric: bool, conductances: np.ndarray | None = None) -> Linearised:
    network, task = PROBLEMS[problem]
    at = SOLVED[problem].jacobian if conductances is None else jacobian(network, task, conductances)
    return Linearised(at, rule, nudge, symmetric)


def pace(linear: Linearised) -> tuple[float, int]:
    """A stable learning rate, and steps in which the slowest mode settles."""
    rates = np.linalg.eigvals(linear.rates).real
    learning_rate = 0.3 / rates.max()
    return learning_rate, int(3 / (learning_rate * rates.min()))


@pytest.mark.parametrize(("problem", "symmetric"), [("kite", True), ("grid", False)])
@pytest.mark.parametrize("rule", list(RULES))
def test_noise_floor(problem: str, rule: str, symmetric: bool) -> None:
    for volts, nudge in [(1e-5, 0.1), (1e-4, 0.1), (1e-3, 0.1)]:
        linear = near(problem, rule, nudge, symmetric)
        learning_rate, settle = pace(linear)
        network, task = PROBLEMS[problem]
        copies = Replicas(network, task, rule, nudge, symmetric, volts=volts, amperes=volts)
        found, _ = copies.learn(SOLVED[problem].conductances, 50, settle + 80, learning_rate, settle)
        assert found == pytest.approx(noise_floor(linear, learning_rate, volts, volts).loss, rel=WITHIN)


@pytest.mark.parametrize("rule", list(RULES))
def test_noise_floor_falls_with_the_nudge(rule: str) -> None:
    network, task = PROBLEMS["grid"]
    for nudge in (0.03, 0.3, 3.0):
        linear = near("grid", rule, nudge, True)
        learning_rate, settle = pace(linear)
        copies = Replicas(network, task, rule, nudge, True, volts=3e-5)
        found, _ = copies.learn(SOLVED["grid"].conductances, 60, settle + 100, learning_rate, settle)
        assert found == pytest.approx(noise_floor(linear, learning_rate, 3e-5).loss, rel=WITHIN)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("problem", list(PROBLEMS))
def test_bias_floor(problem: str, rule: str) -> None:
    network, task = PROBLEMS[problem]
    learning_rate, settle = pace(near(problem, rule, 0.1, True))
    unit = np.random.default_rng(1).uniform(-1, 1, len(network.edges))
    for size in (1e-6, 1e-5, 1e-4):
        copy = Replicas(network, task, rule, 0.1, True, bias=size * unit)
        found, end = copy.learn(SOLVED[problem].conductances, 1, 2 * settle, learning_rate, 2 * settle - 1)
        floor = bias_floor(near(problem, rule, 0.1, True, end[0]), learning_rate, size * unit)
        assert found == pytest.approx(floor.loss, rel=WITHIN)
        got = copy.voltages(end)[0][:, copy.ports] - task.targets
        np.testing.assert_allclose(floor.error, got, atol=WITHIN * np.abs(got).max())


def test_slow_modes_amplify_bias() -> None:
    """The nearer the kite's target to the symmetric one, the higher the floor of the same bias."""
    bias = 1e-6 * np.random.default_rng(2).uniform(-1, 1, 6)

    def floor(delta: float) -> Floor:
        solved = project(KITE, Task([[1.0, 0.0]], [[0.5 + delta, 0.5, 0.5 - delta]]))
        return bias_floor(Linearised(solved.jacobian, "ep", 0.1, True), 0.5, bias)

    floors = [floor(delta) for delta in (0.2, 0.1, 0.05, 0.025)]
    # Rate ∝ δ², the bias's part in the mode ∝ σ ∝ δ: amplitude ∝ 1/δ.
    growth = [one.modes[0] / two.modes[0] for one, two in zip(floors[1:], floors, strict=False)]
    np.testing.assert_allclose(growth[1:], 2.0, rtol=0.25)
    for one in floors:
        assert one.rates[0] == one.rates.min()
        assert one.loss == pytest.approx(0.5 * (one.modes**2).sum())  # EP's modes are orthogonal


@pytest.mark.parametrize("symmetric", [True, False], ids=["both", "one-sided"])
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("problem", list(PROBLEMS))
def test_offset_floor(problem: str, rule: str, symmetric: bool) -> None:
    network, task = PROBLEMS[problem]
    linear = near(problem, rule, 0.3, symmetric)
    learning_rate, settle = pace(linear)
    unit = np.random.default_rng(3).standard_normal(len(network.nodes))
    for size in (1e-5, 1e-4, 1e-3):
        copy = Replicas(network, task, rule, 0.3, symmetric, offsets=size * unit)
        found, _ = copy.learn(SOLVED[problem].conductances, 1, 2 * settle, learning_rate, 2 * settle - 1)
        assert found == pytest.approx(offset_floor(linear, size * unit).loss, rel=WITHIN, abs=1e-25)


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


def test_one_sided_nudges_shift_a_task_that_cannot_be_reached() -> None:
    start = np.array(GRID.conductances)
    smallest, at = Replicas(GRID, UNREACHABLE, "ep", 1.0, True).learn(start, 1, 3000, 1.0, 2999)
    for nudge in (0.005, 0.05, 0.5):
        copy = Replicas(GRID, UNREACHABLE, "ep", nudge, False)
        found, end = copy.learn(at[0], 1, 400, 1.0, 399)
        linear = Linearised(jacobian(GRID, UNREACHABLE, end[0]), "ep", nudge, False)
        assert found - smallest == pytest.approx(one_sided_floor(linear).loss, rel=WITHIN)
    linear = Linearised(linear.jacobian, "ep", 1.0, True)
    assert one_sided_floor(linear).loss == 0


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


def test_what_cannot_be_predicted_is_refused() -> None:
    linear = near("kite", "ep", 0.1, True)
    with pytest.raises(HwlearnError, match="not stable"):
        noise_floor(linear, 1e6, 1e-3)
    with pytest.raises(HwlearnError, match="shape"):
        bias_floor(linear, 0.1, [1.0])
    with pytest.raises(HwlearnError, match="decay is 1"):
        bias_floor(linear, 0.1, np.zeros(6), 1.0)
    with pytest.raises(HwlearnError, match="positive"):
        bias_floor(linear, 0.0, np.zeros(6))
    with pytest.raises(HwlearnError, match="no floor is predicted"):
        Linearised.of(SOLVED["kite"].jacobian, DualCoupledLearning())


def resistor(nudge: float, symmetric: bool) -> EquilibriumPropagation:
    return EquilibriumPropagation(nudge, symmetric, by="resistor")


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
