"""Floors of levels, tolerance, stuck and dead edges: predicted beside simulated, over two decades."""

import numpy as np
import pytest
from replicas import Replicas
from test_floors import PROBLEMS, SOLVED, WITHIN, near, pace

from hwlearn import (
    AdjointCoupledLearning,
    CoupledLearning,
    EquilibriumPropagation,
    ExactCircuit,
    ImperfectCircuit,
    Network,
    Task,
    train,
)
from hwlearn.analysis.device_floors import device_floor, stuck_floor, tolerance_rates, transfer_floor
from hwlearn.analysis.jacobian import jacobian
from hwlearn.analysis.linearised import Linearised
from hwlearn.analysis.manifold import project
from hwlearn.circuits.imperfect import DeadEdges, Quantised, StuckEdges, Tolerance
from hwlearn.learning.train import task_loss
from hwlearn.network.builders import grid


def levels(network: Network, step: float, disorder: float = 0.0, seed: int = 0) -> Quantised:
    """Levels from one step on, to above all conductances."""
    made = Quantised(int(4 / step), step, 4.0, disorder)
    made.begin(network, (network.lower, network.upper), np.random.default_rng(seed))
    return made


class Levelled(Replicas):
    """Replicas whose conductances are those of the nearest levels."""

    def hop(self, made: Quantised, start: np.ndarray, steps: int, learning_rate: float) -> float:
        wanted, seen = start.copy(), []
        for step in range(steps):
            real = made.real(wanted, wanted)
            if step >= steps // 2:
                seen.append(self.losses(real).mean())
            wanted = wanted + learning_rate * self.direction(real)
        return float(np.mean(seen))


@pytest.mark.parametrize(("problem", "rule"), [("kite", "al"), ("grid", "ep"), ("grid", "cl")])
@pytest.mark.parametrize("disorder", [0.0, 1.0], ids=["levels", "not monotone"])
def test_floor_of_levels(problem: str, rule: str, disorder: float) -> None:
    network, task = PROBLEMS[problem]
    linear = near(problem, rule, 0.1, True)
    learning_rate, settle = pace(linear)
    for step in (1e-4, 1e-3, 1e-2):
        made = levels(network, step, disorder)
        start = linear.jacobian.conductances + step * np.random.default_rng(1).uniform(-3, 3, (40, len(network.edges)))
        found = Levelled(network, task, rule, 0.1, True).hop(made, start, 6 * settle, learning_rate)
        floor = device_floor(linear, learning_rate, lambda w, made=made: made.real(w, w), start, 6 * settle)  # type: ignore[misc]
        assert found == pytest.approx(floor.loss, rel=WITHIN)


def test_levels_and_one_output() -> None:
    """The closed form: q²/12 ΣJ⁴/ΣJ²."""
    network = grid(3, 3, np.random.default_rng(0).uniform(0.5, 2, 12), outputs=["n1_1"])
    linear = Linearised(project(network, Task([[1.0, 0.0]], [[0.47]])).jacobian, "ep", 0.1, True)
    column, step = linear.matrix[0], 1e-3
    made = levels(network, step)
    start = linear.jacobian.conductances + step * np.random.default_rng(2).uniform(-8, 8, (800, 12))
    learning_rate = 0.01 / linear.rates[0, 0]
    floor = device_floor(linear, learning_rate, lambda w: made.real(w, w), start, 4000)
    assert floor.loss == pytest.approx(step**2 / 12 * (column**4).sum() / (column**2).sum(), rel=0.1)


@pytest.mark.parametrize("rule", ["ep", "cl", "al"])
def test_tolerance_has_no_floor_and_changes_the_rates(rule: str) -> None:
    network, task = PROBLEMS["grid"]
    learning_rate, settle = pace(near("grid", rule, 0.1, True))
    for part in (0.005, 0.05, 0.5):
        deviations = part * np.random.default_rng(3).uniform(-1, 1, 12)
        copy = Replicas(network, task, rule, 0.1, True)
        away = 1 + 2e-3 * np.random.default_rng(6).standard_normal(12)
        wanted, losses = SOLVED["grid"].conductances / (1 + deviations) * away, []
        for _ in range(5 * settle):
            real = (1 + deviations) * wanted[None]
            losses.append(copy.losses(real)[0])
            wanted = wanted + learning_rate * copy.direction(real)[0]
        at = Linearised(jacobian(network, task, real[0]), rule, 0.1, True)
        slowest = tolerance_rates(at, deviations)[0]
        measured = 1 - np.sqrt(losses[-1] / losses[-1 - settle]) ** (1 / settle)
        assert measured == pytest.approx(learning_rate * slowest, rel=0.02)
        assert losses[-1] < 1e-4 * losses[0]
    even = Linearised(at.jacobian, rule, 0.1, True)
    assert abs(slowest / np.sort(np.linalg.eigvals(even.rates).real)[0] - 1) > 0.05


def test_conductances_from_elsewhere() -> None:
    """A solution that was found elsewhere, programmed into devices with a tolerance."""
    network, task = PROBLEMS["grid"]
    g = SOLVED["grid"].conductances
    for part in (1e-4, 1e-3, 1e-2):
        with ImperfectCircuit(ExactCircuit(network), Tolerance(part), seed=4) as circuit:
            circuit.program(g)
            found, _ = task_loss(circuit.inside, task)
            off = circuit.inside.conductances - g
        assert found == pytest.approx(transfer_floor(near("grid", "ep", 0.1, True), off).loss, rel=WITHIN)


STUCK = [0, 3, 4, 5]
"""So many that the other two edges of the kite cannot meet three numbers."""
RULES = {"ep": EquilibriumPropagation, "cl": CoupledLearning, "al": AdjointCoupledLearning}


@pytest.mark.parametrize("rule", ["ep", "cl", "al"])
def test_floor_of_stuck_and_dead_edges(rule: str) -> None:
    """Stuck near the solution, over two decades, and dead."""
    network, task = PROBLEMS["kite"]
    solved = SOLVED["kite"].conductances
    free = np.ones(6, dtype=bool)
    free[STUCK] = False
    learning_rate = 0.8 / np.linalg.eigvals(near("kite", rule, 0.1, True).rates).real.max()
    directions = np.random.default_rng(5).uniform(-1, 1, len(STUCK))
    cases = [solved[STUCK] + size * directions for size in (3e-3, 3e-2, 3e-1)]
    for held in cases + [solved[STUCK] * [1, 1, 0, 1]] * (rule == "ep"):
        start = solved.copy()
        start[STUCK] = held
        floor = stuck_floor(network.with_conductances(solved), task, RULES[rule](0.1, symmetric=True), STUCK, held)
        g, copy = start[None], Replicas(network, task, rule, 0.1, True)
        for _ in range(1000):
            g = g + learning_rate * copy.direction(g) * free
        assert floor.loss > 1e-3 * transfer_floor(near("kite", rule, 0.1, True), start - solved).loss
        assert copy.losses(g)[0] == pytest.approx(floor.loss, rel=WITHIN)
        got = copy.voltages(g)[0][:, copy.ports] - task.targets
        np.testing.assert_allclose(floor.error, got.ravel()[None], atol=WITHIN * np.abs(got).max())


@pytest.mark.parametrize("effect", [StuckEdges, DeadEdges])
def test_a_task_that_stays_reachable_is_learned_without_the_lost_edges(effect: type[StuckEdges]) -> None:
    network, task = PROBLEMS["grid"]
    rule = EquilibriumPropagation(0.1, symmetric=True)
    held = network.conductances[[1, 6]] * (0 if effect is DeadEdges else 1)
    assert stuck_floor(network, task, rule, [1, 6], held).loss < 1e-18
    with ImperfectCircuit(ExactCircuit(network), effect([network.edge_names[k] for k in (1, 6)])) as circuit:
        train(circuit, task, rule, steps=600, learning_rate=3.0)
        assert task_loss(circuit.inside, task)[0] < 1e-12
